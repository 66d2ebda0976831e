"""Places an order: gives it an id and announces it on the orders bus."""

import json
import os

import boto3

events = boto3.client("events")


def handler(event, context):
    if event.get("heartbeat"):
        print("still here")
        return {"alive": True}
    order = {"id": context.aws_request_id, "amount": event.get("amount", 0), "currency": os.environ["CURRENCY"]}
    answer = events.put_events(
        Entries=[
            {
                "EventBusName": os.environ["BUS"],
                "Source": "shop.orders",
                "DetailType": "OrderPlaced",
                "Detail": json.dumps(order),
            }
        ]
    )
    print(f"order {order['id']} placed")
    return {"order": order, "event": answer["Entries"][0]["EventId"]}
