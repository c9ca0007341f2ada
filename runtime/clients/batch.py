"""Sends a batch of prices through the queue and reads its response.

    eval "$(npx rates env)" && python3 runtime/clients/batch.py
"""

import datetime
import json
import os
import sys
import time

import boto3

sqs = boto3.client("sqs")
requests, responses = os.environ["REQUEST_QUEUE_URL"], os.environ["RESPONSE_QUEUE_URL"]

# The id identifies the batch: sending the batch again after a crash finds the same job, so prices are loaded once.
request_id = sys.argv[1] if len(sys.argv) > 1 else f"prices-{datetime.date.today()}"
task = {
    "type": "update",
    "target": "prices",
    "source": {
        "inline": [
            {"orig_code": "CNSHA", "dest_code": "NLRTM", "day": "2021-02-01", "price": 1500},
            {"orig_code": "CNSHA", "dest_code": "NLRTM", "day": "2021-02-02", "price": 1520},
        ]
    },
}
sqs.send_message(QueueUrl=requests, MessageBody=json.dumps({"requestId": request_id, "task": task}))


def report(response):
    """Prints a response and returns the exit code."""
    if response["status"] == "SUCCEEDED":
        print(f"{request_id}: {response['stats']['rows']} rows loaded.")
        return 0
    error = response.get("error", {})
    print(f"{request_id}: {response['status']}, {error.get('type')}: {error.get('message')}", file=sys.stderr)
    for row in error.get("details", []):
        print(json.dumps(row), file=sys.stderr)
    return 1


seen, code = set(), 0
deadline = time.time() + 300
while not seen and time.time() < deadline:
    received = sqs.receive_message(
        QueueUrl=responses,
        WaitTimeSeconds=20,
        MaxNumberOfMessages=10,
        VisibilityTimeout=5,  # a response to another client becomes visible again
        MessageAttributeNames=["All"],
    )
    for message in received.get("Messages", []):
        if message["MessageAttributes"]["requestId"]["StringValue"] != request_id:
            continue
        response = json.loads(message["Body"])
        # A response may arrive more than once; all copies have the same responseId. Store it, then delete the message.
        if response["responseId"] not in seen:
            code = report(response)
        seen.add(response["responseId"])
        sqs.delete_message(QueueUrl=responses, ReceiptHandle=message["ReceiptHandle"])

if not seen:
    print(f"No response to {request_id} yet. Run this again; it does not load anything twice.", file=sys.stderr)
    code = 5
sys.exit(code)
