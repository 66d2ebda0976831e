"""`Domain` of a REST API: the domain name, its base paths, and its records in Route 53.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-domainconfiguration.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.registry import Api
from runner.loader.sam.tags import tag_list
from runner.loader.sam.values import Json, as_list, get_att, is_intrinsic, ref, short_hash
from runner.loader.sam.work import Work

ENDPOINTS = ["EDGE", "REGIONAL", "PRIVATE"]
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
"""The hosted zone of every CloudFront distribution."""


class DomainRecords:
    """The record set groups of all APIs, one a hosted zone unless an API asks for its own.

    Only REST and HTTP APIs are `shared`: of several WebSocket APIs with one zone, AWS keeps the last one's records.
    """

    def __init__(self, work: Work, shared: bool = True) -> None:
        self._work = work
        self._shared = shared

    def add(self, api: Api, domain: Json, domain_id: str, record_of: Json) -> None:
        """Put the records of one domain into the group of its zone."""
        route53 = domain["Route53"]
        if not isinstance(route53, dict):
            message = "Property 'Domain.Route53' should be a map."
            raise self._work.refuse(api.source, message, "Domain", "Route53", code="wrong-type")
        zone_id, zone_name = route53.get("HostedZoneId"), route53.get("HostedZoneName")
        path = ("Domain", "Route53")
        if not zone_id and not zone_name:
            message = "HostedZoneId or HostedZoneName is required to enable Route53 support on Custom Domains."
            raise self._work.refuse(api.source, message, *path, code="missing-property")
        zone = zone_id or zone_name
        hashed = [zone, domain["DomainName"]] if route53.get("SeparateRecordSetGroup") else zone
        group_id = f"RecordSetGroup{short_hash(hashed)}"
        records = self._records(domain, route53, record_of)
        standing = self._work.output.get(group_id)
        if standing is not None and self._shared and not route53.get("SeparateRecordSetGroup"):
            standing["Properties"]["RecordSets"].extend(records)
            return
        named = {"HostedZoneId": zone_id} if zone_id else {"HostedZoneName": zone_name}
        properties: Json = {**named, "RecordSets": records}
        at = self._work.locate(api.source.properties, *path)
        self._work.emit(api.source, group_id, "AWS::Route53::RecordSetGroup", properties, at=at)

    def _records(self, domain: Json, route53: Json, alias: Json) -> list[Json]:
        health = {name: route53[name] for name in ("EvaluateTargetHealth",) if route53.get(name) is not None}
        routing = {name: route53[name] for name in ("Region", "SetIdentifier") if route53.get(name) is not None}
        kinds = ["A", "AAAA"] if route53.get("IpV6") is True else ["A"]
        return [
            {"Name": domain["DomainName"], "Type": kind, "AliasTarget": {**alias, **health}, **routing}
            for kind in kinds
        ]


class RestDomain:
    """The domain of one API."""

    def __init__(self, work: Work, api: Api, records: DomainRecords) -> None:
        self._work = work
        self._api = api
        self._records = records

    def emit(self) -> None:
        domain = self._api.get("Domain")
        if not isinstance(domain, dict) or not domain or is_intrinsic(domain):
            return
        for name in ("DomainName", "CertificateArn"):
            if not domain.get(name):
                message = f"Property 'Domain.{name}' is required."
                if name == "CertificateArn":
                    message = "Custom Domains only works if both DomainName and CertificateArn are provided."
                raise self._refuse(message, "Domain", code="missing-property")
        private = domain.get("EndpointConfiguration") == "PRIVATE"
        domain_id = f"ApiGatewayDomainName{'V2' if private else ''}{short_hash(domain['DomainName'])}"
        # Part of what the deployment's id is a hash of, as are the two below.
        if not private:
            domain["ApiDomainName"] = domain_id
        endpoint = domain.setdefault("EndpointConfiguration", "REGIONAL")
        if endpoint not in ENDPOINTS:
            message = f"EndpointConfiguration for Custom Domains must be one of {ENDPOINTS}."
            raise self._refuse(message, "Domain", "EndpointConfiguration")
        if private:
            self._emit_private(domain, domain_id)
        else:
            self._emit_public(domain, domain_id, endpoint)

    def _refuse(self, message: str, *path: Any, code: str = "invalid-property") -> Exception:
        return self._work.refuse(self._api.source, message, *path, code=code)

    def _emit(self, logical_id: str, type_: str, properties: Json) -> None:
        source = self._api.source
        at = self._work.locate(source.properties, "Domain")
        self._work.emit(source, logical_id, type_, properties, at=at, read={})

    def _tags(self) -> list[Json] | None:
        source = self._api.source
        return (tag_list(source.get("Tags")) or None) if source.get("PropagateTags") else None

    def _emit_public(self, domain: Json, domain_id: str, endpoint: str) -> None:
        certificate = "RegionalCertificateArn" if endpoint == "REGIONAL" else "CertificateArn"
        configuration: Json = {"Types": [endpoint]}
        if domain.get("IpAddressType"):
            configuration["IpAddressType"] = domain["IpAddressType"]
        properties: Json = {
            "DomainName": domain["DomainName"],
            certificate: domain["CertificateArn"],
            "EndpointConfiguration": configuration,
            "MutualTlsAuthentication": self._mutual_tls(domain.get("MutualTlsAuthentication")),
            "SecurityPolicy": domain.get("SecurityPolicy"),
            "EndpointAccessMode": domain.get("EndpointAccessMode"),
            "OwnershipVerificationCertificateArn": domain.get("OwnershipVerificationCertificateArn"),
            "Tags": self._tags(),
        }
        self._emit(domain_id, "AWS::ApiGateway::DomainName", properties)
        self._work.references[self._api.id, "DomainName"] = domain_id
        self._base_paths(domain, "AWS::ApiGateway::BasePathMapping", {"DomainName": ref(domain_id)})
        if domain.get("Route53"):
            self._records.add(self._api, domain, domain_id, self._alias(domain, domain_id, endpoint))

    def _mutual_tls(self, given: Any) -> Any:
        if not given:
            return None
        path = ("Domain", "MutualTlsAuthentication")
        if not isinstance(given, dict):
            message = "Property 'Domain.MutualTlsAuthentication' should be a map."
            raise self._refuse(message, *path, code="wrong-type")
        if not {"TruststoreUri", "TruststoreVersion"} & set(given):
            unknown = ", ".join(map(str, given))
            raise self._refuse(
                f"Available MutualTlsAuthentication fields are TruststoreUri, TruststoreVersion; got {unknown}", *path
            )
        return {name: given[name] for name in ("TruststoreUri", "TruststoreVersion") if given.get(name)}

    def _alias(self, domain: Json, domain_id: str, endpoint: str) -> Json:
        route53 = domain["Route53"]
        if endpoint == "REGIONAL":
            return {
                "HostedZoneId": get_att(domain_id, "RegionalHostedZoneId"),
                "DNSName": get_att(domain_id, "RegionalDomainName"),
            }
        if route53.get("DistributionDomainName") is None:
            route53["DistributionDomainName"] = get_att(domain_id, "DistributionDomainName")
        return {"HostedZoneId": CLOUDFRONT_ZONE, "DNSName": route53["DistributionDomainName"]}

    def _emit_private(self, domain: Json, domain_id: str) -> None:
        configuration: Json = {"Types": ["PRIVATE"]}
        if domain.get("IpAddressType"):
            configuration["IpAddressType"] = domain["IpAddressType"]
        properties: Json = {
            "DomainName": domain["DomainName"],
            "CertificateArn": domain["CertificateArn"],
            "EndpointConfiguration": configuration,
            "SecurityPolicy": domain.get("SecurityPolicy"),
            "EndpointAccessMode": domain.get("EndpointAccessMode"),
            "Policy": domain.get("Policy"),
            "Tags": self._tags(),
        }
        self._emit(domain_id, "AWS::ApiGateway::DomainNameV2", properties)
        self._work.references[self._api.id, "DomainNameV2"] = domain_id
        arn = ref(domain_id)
        self._base_paths(domain, "AWS::ApiGateway::BasePathMappingV2", {"DomainNameArn": arn})
        access = domain.get("AccessAssociation")
        if access:
            self._associate(access, domain_id, arn)
        route53 = domain.get("Route53")
        if route53:
            alias = {
                "HostedZoneId": route53.get("VpcEndpointHostedZoneId"),
                "DNSName": route53.get("VpcEndpointDomainName"),
            }
            self._records.add(self._api, domain, domain_id, alias)

    def _associate(self, access: Json, domain_id: str, arn: Json) -> None:
        endpoint = access.get("VpcEndpointId")
        association_id = f"DomainNameAccessAssociation{short_hash([endpoint, domain_id])}"
        properties = {
            "AccessAssociationSource": endpoint,
            "AccessAssociationSourceType": "VPCE",
            "DomainNameArn": arn,
            "Tags": self._tags(),
        }
        self._emit(association_id, "AWS::ApiGateway::DomainNameAccessAssociation", properties)

    def _base_paths(self, domain: Json, type_: str, owner: Json) -> None:
        api = self._api
        common: Json = {**owner, "RestApiId": ref(api.id), "Stage": ref(api.stage_id)}
        paths = domain.get("BasePath")
        if not paths:
            self._emit(f"{api.id}BasePathMapping", type_, common)
            return
        for path in as_list(paths):
            if is_intrinsic(path) or not isinstance(path, str):
                plain: Any = path
                suffix = short_hash(path)
            else:
                suffix = "".join(letter for letter in path if letter.isalnum())
                plain = suffix
            if domain.get("NormalizeBasePath", True) is False:
                plain = path
            self._emit(f"{api.id}{suffix}BasePathMapping", type_, {**common, "BasePath": plain})
