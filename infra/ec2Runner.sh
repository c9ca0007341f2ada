#!/bin/bash
# What an EC2 run does at its only boot (Ec2Runner fills in the names between at-signs): pull the image, do the run that the instance's
# tag names, and shut down, which terminates the instance. Whatever fails on the way ends in the shutdown too.
set -euo pipefail

# However it goes, no instance outlives this, not even one whose runner hangs.
shutdown --no-wall -h +$(((@LIFE@ + 59) / 60))

install -d -m 700 /etc/rates
cat >/etc/rates/environment <<'END'
@ENVIRONMENT@
END

cat >/usr/local/bin/rates-metadata <<'END'
#!/bin/bash
# One value of the instance's metadata (IMDSv2); fails where there is none.
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "${METADATA:-http://169.254.169.254}/latest/api/token")
exec curl -sf -H "X-aws-ec2-metadata-token: $token" "${METADATA:-http://169.254.169.254}/latest/meta-data/$1"
END

cat >/usr/local/bin/rates-run <<'END'
#!/bin/bash
# Does the run in the foreground. On SIGTERM the runner finishes the job in hand and takes no other.
set -euo pipefail
run=$(rates-metadata tags/instance/rates:run)
runner=$(rates-metadata tags/instance/rates:runner)
instance=$(rates-metadata instance-id)
aws ecr get-login-password --region @REGION@ | docker login --username AWS --password-stdin @REGISTRY@
docker pull --quiet @IMAGE@
exec docker run --rm --name rates --network host --read-only --tmpfs /tmp --cap-drop ALL \
  --security-opt no-new-privileges --no-healthcheck --stop-timeout @STOP@ \
  --env-file /etc/rates/environment --env LOG_LOCATION="@LOG_GROUP@/$instance" \
  --log-driver awslogs --log-opt awslogs-region=@REGION@ --log-opt awslogs-group=@LOG_GROUP@ \
  --log-opt awslogs-stream="$instance" \
  @IMAGE@ node runtime/runner/main.ts --run "$run" --runner "$runner"
END

cat >/usr/local/bin/rates-spot <<'END'
#!/bin/bash
# A Spot instance is told two minutes before it is taken away: the runner is told then, so that it takes no further job.
until rates-metadata spot/instance-action >/dev/null; do sleep 5; done
docker kill --signal SIGTERM rates || true
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
# Done or failed, the instance's life is over.
SuccessAction=poweroff
FailureAction=poweroff
[Service]
ExecStart=/usr/local/bin/rates-run
KillSignal=SIGTERM
TimeoutStopSec=@STOP@
END

systemctl daemon-reload
systemctl disable --now ecs 2>/dev/null || true # the machine image's own agent: nothing of ours uses it
systemctl start --no-block rates.service
