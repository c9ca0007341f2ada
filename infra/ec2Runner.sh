#!/bin/bash
# Start script of an EC2 runner (Ec2Runner fills in the names between at-signs). It pulls the image, executes one run of the
# launch that the instance's tags name, and shuts down, which terminates the instance. A failure shuts the instance down, too.
set -euo pipefail

# Limits the lifetime of the instance, even when its runner hangs.
shutdown --no-wall -h +$(((@LIFETIME@ + 59) / 60))
trap 'systemctl poweroff' ERR

install -d -m 700 /etc/rates /etc/rates/docker
cat >/etc/rates/environment <<'END'
@ENVIRONMENT@
END

cat >/usr/local/bin/rates-metadata <<'END'
#!/bin/bash
# Reads one value of the instance's metadata (IMDSv2); fails if the value is missing.
set -euo pipefail
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "${METADATA:-http://169.254.169.254}/latest/api/token")
exec curl -sf -H "X-aws-ec2-metadata-token: $token" "${METADATA:-http://169.254.169.254}/latest/meta-data/$1"
END

cat >/usr/local/bin/rates-login <<'END'
#!/bin/bash
# Logs docker in to ECR. The machine image has no AWS CLI, but its curl can sign requests. ECR's token already has the
# format of a stored login. Secrets are not passed as arguments, which other processes could read.
set -euo pipefail
value() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
role=$(rates-metadata iam/security-credentials/)
credentials=$(rates-metadata "iam/security-credentials/$role")
response=$(curl -sf --retry 5 --aws-sigv4 aws:amz:@REGION@:ecr --config - "${ECR:-https://api.ecr.@REGION@.amazonaws.com}/" <<CURL
user = "$(value AccessKeyId <<<"$credentials"):$(value SecretAccessKey <<<"$credentials")"
header = "x-amz-security-token: $(value Token <<<"$credentials")"
header = "x-amz-target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
header = "content-type: application/x-amz-json-1.1"
data = "{}"
CURL
)
printf '{"auths":{"@REGISTRY@":{"auth":"%s"}}}' "$(value authorizationToken <<<"$response")" >/etc/rates/docker/config.json
END

cat >/usr/local/bin/rates-run <<'END'
#!/bin/bash
# Executes the run in the foreground. On SIGTERM the runner finishes its current job and claims no other.
set -euo pipefail
# All instances of a launch have the same tags. The runner gets the instance's own run from the database, or ends without one.
launch=$(rates-metadata tags/instance/rates:launch)
runner=$(rates-metadata tags/instance/rates:runner)
instance=$(rates-metadata instance-id)
rates-login
docker --config /etc/rates/docker pull --quiet @IMAGE@
exec docker run --rm --name rates --network host --read-only --tmpfs /tmp --cap-drop ALL \
  --security-opt no-new-privileges --no-healthcheck --stop-timeout @STOP@ \
  --env-file /etc/rates/environment --env LOG_LOCATION="@LOG_GROUP@/$instance" \
  --log-driver awslogs --log-opt awslogs-region=@REGION@ --log-opt awslogs-group=@LOG_GROUP@ \
  --log-opt awslogs-stream="$instance" --log-opt mode=non-blocking \
  @IMAGE@ node --expose-gc runtime/runner/main.ts --launch "$launch" --instance "$instance" --runner "$runner"
END

cat >/usr/local/bin/rates-spot <<'END'
#!/bin/bash
# A Spot Instance gets a notice two minutes before its interruption. On the notice, stop the runner from claiming more jobs.
# The signal is repeated, because the container may not exist yet, and ignores signals until its program handles them.
until rates-metadata spot/instance-action >/dev/null; do sleep 5; done
for _ in {1..60}; do docker kill --signal SIGTERM rates || true; sleep 2; done
END
chmod 755 /usr/local/bin/rates-*

cat >/etc/systemd/system/rates-spot.service <<'END'
[Unit]
Description=Drains the run on a Spot notice
[Service]
ExecStart=/usr/local/bin/rates-spot
END

cat >/etc/systemd/system/rates.service <<'END'
[Unit]
Description=One run of the rates platform
Wants=docker.service rates-spot.service
After=docker.service network-online.target
# Power off after success and failure.
SuccessAction=poweroff
FailureAction=poweroff
[Service]
ExecStart=/usr/local/bin/rates-run
# Failures before the container's log begins appear on the instance's console.
StandardOutput=journal+console
# After a shutdown from outside, the current job has this time to end; otherwise it is retried.
TimeoutStopSec=@STOP@
END

systemctl daemon-reload
systemctl disable --now ecs 2>/dev/null || true # the agent in the machine image, which is not needed
systemctl start --no-block rates.service
