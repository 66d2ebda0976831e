"""Charges an order that was placed. An amount below zero cannot be charged and fails, every time."""


def handler(event, context):
    order = event["detail"]
    if order.get("amount", 0) < 0:
        raise ValueError(f"cannot charge {order['amount']}")
    print(f"charged {order['amount']} {order.get('currency', '')}")
    return {"charged": order["amount"], "order": order.get("id")}
