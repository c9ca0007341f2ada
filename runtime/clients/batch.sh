#!/bin/sh
# Sends a batch of prices through the queue and reads its response, with the AWS CLI.
#   eval "$(npx rates env)" && sh runtime/clients/batch.sh
set -eu

# The id identifies the batch: sending the batch again after a crash finds the same job, so prices are loaded once.
id=${1:-prices-$(date +%F)}
# The AWS CLI reads AWS_ENDPOINT_URL_SQS only since versions 1.29 and 2.13.
sqs() { aws sqs "$@" ${AWS_ENDPOINT_URL_SQS:+--endpoint-url "$AWS_ENDPOINT_URL_SQS"}; }

sqs send-message --queue-url "$REQUEST_QUEUE_URL" --output text --query MessageId --message-body '{
  "requestId": "'"$id"'",
  "task": {
    "type": "update",
    "target": "prices",
    "source": {
      "inline": [
        { "orig_code": "CNSHA", "dest_code": "NLRTM", "day": "2021-02-01", "price": 1500 },
        { "orig_code": "CNSHA", "dest_code": "NLRTM", "day": "2021-02-02", "price": 1520 }
      ]
    }
  }
}' >&2

# Message attributes identify the response, so the body need not be parsed. Messages are received one at a time, since
# sh has no arrays; a response to another client becomes visible again after five seconds.
deadline=$(($(date +%s) + 300))
while [ "$(date +%s)" -lt "$deadline" ]; do
  message=$(sqs receive-message --queue-url "$RESPONSE_QUEUE_URL" --wait-time-seconds 20 --visibility-timeout 5 \
    --message-attribute-names All --output text \
    --query 'Messages[0].[MessageAttributes.requestId.StringValue, MessageAttributes.status.StringValue, ReceiptHandle, Body]')
  [ "$(printf '%s' "$message" | cut -f 1)" = "$id" ] || continue
  status=$(printf '%s' "$message" | cut -f 2)
  printf '%s' "$message" | cut -f 4-
  # A response may arrive more than once; all copies have the same responseId. Store it, then delete the message.
  sqs delete-message --queue-url "$RESPONSE_QUEUE_URL" --receipt-handle "$(printf '%s' "$message" | cut -f 3)"
  [ "$status" = SUCCEEDED ] && exit 0 || exit 1
done
echo "No response to $id yet. Run this again; it does not load anything twice." >&2
exit 5
