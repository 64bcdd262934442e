"""Cloud Custodian with its waits at the speed of the local AWS's clock: `custodian.py 20 run …`.

It and botocore's waiters poll every 15 seconds, and it sleeps 15 more for each detached volume. Left as they are, these
would count as many AWS seconds as the clock runs faster, which would be unfair to it.
"""

import sys
import time

SPEED = float(sys.argv.pop(1))
_sleep = time.sleep
time.sleep = lambda seconds: _sleep(seconds / SPEED)

from c7n.cli import main  # noqa: E402

main()
