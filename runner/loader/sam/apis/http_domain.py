"""`Domain` of an HTTP API: the domain name, its mappings, and its records in Route 53.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-httpapi-httpapidomainconfiguration.html
"""

from __future__ import annotations

import re
from typing import Any

from runner.loader.sam.apis.registry import Api
from runner.loader.sam.apis.rest_domain import DomainRecords
from runner.loader.sam.values import Json, as_list, get_att, is_intrinsic, ref, short_hash
from runner.loader.sam.work import Work

_BASE_PATH = r"[0-9a-zA-Z\/\-\_]+"
ENDPOINTS = ("REGIONAL",)


class HttpDomain:
    """The domain of one API."""

    def __init__(self, work: Work, api: Api, records: DomainRecords, tags: Json) -> None:
        self._work = work
        self._api = api
        self._records = records
        self._tags = tags

    def emit(self) -> None:
        domain = self._work.resolve(self._api.get("Domain"))
        if not isinstance(domain, dict) or not domain or is_intrinsic(domain):
            return
        if not domain.get("DomainName") or not domain.get("CertificateArn"):
            message = "Custom Domains only works if both DomainName and CertificateArn are provided."
            raise self._refuse(message, "Domain", code="missing-property")
        endpoint = domain.get("EndpointConfiguration") or "REGIONAL"
        if endpoint not in ENDPOINTS:
            message = "EndpointConfiguration for Custom Domains must be one of ['REGIONAL']."
            raise self._refuse(message, "Domain", "EndpointConfiguration")
        domain_id = f"ApiGatewayDomainNameV2{short_hash(domain['DomainName'])}"
        self._emit(domain_id, "AWS::ApiGatewayV2::DomainName", self._domain_name(domain, endpoint))
        self._work.references[self._api.id, "DomainName"] = domain_id
        self._mappings(domain, domain_id)
        if domain.get("Route53"):
            alias = {
                "HostedZoneId": get_att(domain_id, "RegionalHostedZoneId"),
                "DNSName": get_att(domain_id, "RegionalDomainName"),
            }
            self._records.add(self._api, domain, domain_id, alias)

    def _refuse(self, message: str, *path: Any, code: str = "invalid-property") -> Exception:
        return self._work.refuse(self._api.source, message, *path, code=code)

    def _emit(self, logical_id: str, type_: str, properties: Json) -> None:
        source = self._api.source
        at = self._work.locate(source.properties, "Domain")
        self._work.emit(source, logical_id, type_, properties, at=at, read={})

    def _domain_name(self, domain: Json, endpoint: str) -> Json:
        configuration: Json = {"CertificateArn": domain["CertificateArn"], "EndpointType": endpoint}
        for name in ("SecurityPolicy", "OwnershipVerificationCertificateArn", "IpAddressType"):
            if domain.get(name):
                configuration[name] = domain[name]
        mutual = domain.get("MutualTlsAuthentication")
        if mutual is not None and not isinstance(mutual, dict):
            message = "Property 'Domain.MutualTlsAuthentication' should be a map."
            raise self._refuse(message, "Domain", "MutualTlsAuthentication", code="wrong-type")
        return {
            "DomainName": domain["DomainName"],
            "DomainNameConfigurations": [configuration],
            "MutualTlsAuthentication": {name: value for name, value in mutual.items() if value} if mutual else None,
            "Tags": dict(self._tags),
        }

    def _mappings(self, domain: Json, domain_id: str) -> None:
        api = self._api
        common: Json = {"DomainName": ref(domain_id), "ApiId": ref(api.id), "Stage": ref(api.stage_id)}
        paths = domain.get("BasePath")
        if not paths:
            self._emit(f"{api.id}ApiMapping", "AWS::ApiGatewayV2::ApiMapping", common)
            return
        for path in as_list(paths):
            if not isinstance(path, str):
                raise self._refuse("Basepath must be a string.", "Domain", "BasePath", code="wrong-type")
            if not re.fullmatch(_BASE_PATH, path):
                raise self._refuse("Invalid Basepath name provided.", "Domain", "BasePath")
            suffix = re.sub(r"[\-_/]+", "", path)
            key = path.strip("/")
            mapping = {**common, "ApiMappingKey": key}
            self._emit(f"{api.id}{suffix}ApiMapping", "AWS::ApiGatewayV2::ApiMapping", mapping)
