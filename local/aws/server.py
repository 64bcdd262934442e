"""The local AWS: moto, made to act like EC2 and KMS where moto does not. Listens on the loopback address only."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from typing import Any

from awsplus.iam.authorize import authorize
from awsplus.iam.callers import remember_caller
from awsplus.iam.trail import record
from awsplus.kms.key_calls import guard_keys
from awsplus.wire import faults, others_calls
from awsplus.wire.clock import CLOCK
from awsplus.wire.control import control
from awsplus.wire.counts import count
from awsplus.wire.dry_run import only_ask
from awsplus.wire.errors import AwsErrorFormat
from awsplus.wire.faults import inject
from awsplus.wire.gateway import Gateway
from awsplus.wire.install import install
from awsplus.wire.instant import one_instant
from awsplus.wire.lag import LAG, look_back
from awsplus.wire.limits import LIMITS, throttle
from awsplus.wire.sizes import require_sizes
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

PARENT_CHECK_SECONDS = 1.0


def speed(text: str) -> float | None:
    if text == "instant":
        return None
    value = float(text)
    if value < 0:
        raise ValueError
    return value


def rules(path: str) -> list[dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path} holds no JSON list of rules: {error}") from error


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5000, help="0 takes a free one")
    parser.add_argument(
        "--speed", type=speed, default=None, help="AWS seconds a second (0 stands still), or `instant` (default)"
    )
    parser.add_argument("--limits", choices=("on", "off"), default="off", help="API rates and quotas (default: off)")
    parser.add_argument(
        "--lag", type=float, default=0.0, help="seconds of AWS time by which reads lag behind writes (default: 0)"
    )
    parser.add_argument("--faults", type=rules, default=[], help="a JSON file with a list of fault rules")
    parser.add_argument(
        "--default-images", action="store_true", help="every region has the public images that moto knows"
    )
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when the starting process is gone")
    return parser.parse_args()


def exit_with_parent() -> None:
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_SECONDS)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def application():
    dispatcher = DomainDispatcherApplication(lambda service: propagating(create_backend_app(service)))
    gateway = Gateway(AwsErrorFormat(dispatcher))
    others_calls.answer_by(gateway)
    for hook in (
        count,
        inject,
        throttle,
        remember_caller,
        one_instant,
        record,
        authorize,
        guard_keys,
        require_sizes,
        only_ask,
        look_back,
    ):
        gateway.add(hook)
    return control(gateway)


def propagating(app):
    """Flask would turn an exception into an HTML page; AwsErrorFormat answers in AWS's format instead."""
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def main() -> None:
    options = arguments()
    # moto reads it whenever it makes a backend.
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = str(options.default_images).lower()
    install()
    CLOCK.speed = options.speed
    LAG.seconds = options.lag
    LIMITS.switch(options.limits == "on")
    for rule in options.faults:
        faults.add(rule)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        server = make_server("127.0.0.1", options.port, application(), threaded=True)
    except (OSError, SystemExit):
        sys.exit(f"port {options.port} is taken; choose another with --port, or --port 0 for a free one")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    if options.exit_with_parent:
        exit_with_parent()
    print(f"AWS_ENDPOINT_URL=http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
