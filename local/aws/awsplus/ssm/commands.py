"""SSM Run Command: https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html

A command reaches the agent and runs, each of which takes AWS time; the agent ends it after its executionTimeout. What a
guest does of it is in `guests`, and `vss` has AWS's document for Windows.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import ec2_backends
from moto.ssm.responses import SimpleSystemManagerResponse

from ..wire import durations
from ..wire.clock import CLOCK, date_of
from ..wire.faults import semantic
from ..wire.lag import LAG
from ..wire.pages import paged
from ..wire.patch import extend
from . import shell, vss
from .guests import NONE, OFFLINE, ONLINE, agent_of, files_of, invocations_on, platform_of

SCRIPTS = {"AWS-RunShellScript": "Linux", "AWS-RunPowerShellScript": "Windows"}
# Of aws:runShellScript: https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
EXECUTION_TIMEOUT = 3600
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
TIMEOUT_SECONDS = 3600
SHORTEST_TIMEOUT_SECONDS = 30
LONGEST_COMMENT = 100
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommands.html
COMMANDS_A_PAGE = 50
INSTANCES_A_COMMAND = 50


class Invocation:
    """One command on one instance."""

    def __init__(self, command: Command, instance: Any, fails: str | None, hangs: bool) -> None:
        self.command, self.instance = command, instance
        self.stderr, self.cancelled_at = fails or "", None
        takes = durations.VSS_SNAPSHOT if command.document in vss.DOCUMENTS else durations.COMMAND_RUN
        self.outcome = "TimedOut" if hangs else "Failed" if fails else "Success"
        self.begins_at = CLOCK.after(durations.COMMAND_DELIVERY) if agent_of(instance) == ONLINE else None
        self.ends_at = CLOCK.after(durations.COMMAND_DELIVERY + (command.execution_timeout if hangs else takes))
        invocations_on(instance).append(self)

    @property
    def status(self) -> tuple[str, str]:
        """https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html"""
        if self.cancelled_at is not None:
            name = "Cancelled" if CLOCK.is_past(self.cancelled_at) else "Cancelling"
            return name, name
        if self.begins_at is None:
            return (
                ("TimedOut", "Delivery Timed Out")
                if CLOCK.is_past(self.command.requested_at + self.command.timeout_seconds)
                else ("Pending", "Pending")
            )
        if not CLOCK.is_past(self.begins_at):
            return "Pending", "Pending"
        if not CLOCK.is_past(self.ends_at):
            return "InProgress", "In Progress"
        return self.outcome, "Execution Timed Out" if self.outcome == "TimedOut" else self.outcome

    def cancel(self) -> None:
        if self.status[0] in ("Pending", "InProgress"):
            self.cancelled_at = CLOCK.after(durations.COMMAND_DELIVERY)

    def marks(self) -> list[tuple[float, bool]]:
        if self.begins_at is None:
            return []
        text = str(self.command.parameters)
        succeeds = self.outcome == "Success"
        frozen_at = self.ends_at if succeeds else self.begins_at
        marks = [(frozen_at, True)] if "fsfreeze -f" in text else []
        marks += [(self.ends_at, False)] if "fsfreeze -u" in text and succeeds else []
        return [mark for mark in marks if self.cancelled_at is None or mark[0] < self.cancelled_at]

    @property
    def stdout(self) -> str:
        is_over = self.status[0] == "Success" and self.command.document == "AWS-RunShellScript"
        return shell.printed(files_of(self.instance), self.command.parameters.get("commands", [])) if is_over else ""

    def told(self) -> dict[str, Any]:
        status, details = self.status
        code = {"Success": 0, "Failed": 1}.get(status, -1)
        plugin = {
            "Name": "PowerShellScript" if platform_of(self.instance) == "Windows" else "shellScript",
            "Status": status,
            "StatusDetails": details,
            "ResponseCode": code,
            "Output": (self.stdout + self.stderr)[: shell.LONGEST_OUTPUT],
        }
        return {
            "CommandId": self.command.id,
            "InstanceId": self.instance.id,
            "Comment": self.command.comment,
            "DocumentName": self.command.document,
            "RequestedDateTime": date_of(self.command.requested_at),
            "Status": status,
            "StatusDetails": details,
            "CommandPlugins": [plugin],
        }


class Command:
    def __init__(self, response: Any, instances: list[Any]) -> None:
        param = response._get_param
        self.id, self.requested_at = str(uuid.uuid4()), CLOCK.now()
        self.document, self.comment, self.parameters = (
            param("DocumentName"),
            param("Comment", ""),
            param("Parameters", {}),
        )
        self.timeout_seconds = int(param("TimeoutSeconds") or TIMEOUT_SECONDS)
        self.execution_timeout = int((self.parameters.get("executionTimeout") or [EXECUTION_TIMEOUT])[0])
        self.expires_at = self.requested_at + self.timeout_seconds + self.execution_timeout
        fails, hangs = semantic("fails"), bool(semantic("hangs"))
        self.invocations = [Invocation(self, i, self._runs(response, i, fails), hangs) for i in instances]

    def _runs(self, response: Any, instance: Any, fails: str | None) -> str | None:
        """What the agent reports on stderr."""
        if self.document in vss.DOCUMENTS and agent_of(instance) == ONLINE:
            try:
                vss.take(response.current_account, response.region, instance, self.parameters, fails)
            except vss.VssFailed as failure:
                return str(failure)
        return fails

    @property
    def status(self) -> str:
        names = [invocation.status[0] for invocation in self.invocations]
        return next(
            (
                name
                for name in ("InProgress", "Pending", "Cancelling", "Failed", "TimedOut", "Cancelled")
                if name in names
            ),
            "Success",
        )

    def told(self) -> dict[str, Any]:
        return {
            "CommandId": self.id,
            "DocumentName": self.document,
            "Comment": self.comment,
            "Parameters": self.parameters,
            "Status": self.status,
            "StatusDetails": self.status,
            "RequestedDateTime": date_of(self.requested_at),
            "ExpiresAfter": date_of(self.expires_at),
            "TimeoutSeconds": self.timeout_seconds,
            "InstanceIds": [i.instance.id for i in self.invocations],
            "TargetCount": len(self.invocations),
        }

    def passes(self, filters: list[dict[str, str]]) -> bool:
        """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CommandFilter.html"""
        tests = {
            "InvokedAfter": lambda value: self.requested_at >= date_from(value),
            "InvokedBefore": lambda value: self.requested_at < date_from(value),
            "Status": lambda value: self.status == value,
            "DocumentName": lambda value: self.document == value,
        }
        for asked in filters:
            if asked["key"] not in tests:
                raise JsonRESTError("InvalidFilterKey", f"The filter {asked['key']} is not valid")
            if not tests[asked["key"]](asked["value"]):
                return False
        return True


def date_from(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class _Responses(SimpleSystemManagerResponse):
    def send_command(self) -> ActionResult:
        """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html"""
        instances = [_managed(self, instance_id) for instance_id in self._get_param("InstanceIds", [])]
        _check(self, instances)
        command = Command(self, instances)
        _commands(self)[command.id] = command
        return ActionResult({"Command": command.told()})

    def list_commands(self) -> ActionResult:
        """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommands.html"""
        return _page(self, "Commands", [command.told() for command in _asked(self)])

    def list_command_invocations(self) -> ActionResult:
        """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommandInvocations.html"""
        instance_id, details = self._get_param("InstanceId"), self._get_param("Details", False)
        told = [
            i.told() for command in _asked(self) for i in command.invocations if instance_id in (None, i.instance.id)
        ]
        return _page(self, "CommandInvocations", [each if details else {**each, "CommandPlugins": []} for each in told])

    def get_command_invocation(self) -> ActionResult:
        """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html"""
        found = [
            i
            for c in _shown(self)
            if c.id == self._get_param("CommandId")
            for i in c.invocations
            if i.instance.id == self._get_param("InstanceId")
        ]
        if not found:
            raise JsonRESTError("InvocationDoesNotExist", "")
        told = found[0].told()
        plugin = told.pop("CommandPlugins")[0]
        return ActionResult(
            {
                **told,
                "PluginName": plugin["Name"],
                "ResponseCode": plugin["ResponseCode"],
                "StandardOutputContent": found[0].stdout,
                "StandardErrorContent": found[0].stderr,
            }
        )

    def cancel_command(self) -> ActionResult:
        """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CancelCommand.html"""
        command = _commands(self).get(self._get_param("CommandId"))
        if command is None:
            raise JsonRESTError("InvalidCommandId", "")
        only = self._get_param("InstanceIds", [])
        for invocation in command.invocations:
            if not only or invocation.instance.id in only:
                invocation.cancel()
        return EmptyResult()

    def describe_instance_information(self) -> ActionResult:
        """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html"""
        filters = {f["Key"]: f["Values"] for f in self._get_param("Filters", [])}
        names = {"InstanceIds": "InstanceId", "PingStatus": "PingStatus", "PlatformTypes": "PlatformType"}
        if filters.keys() - names.keys():
            raise JsonRESTError(
                "InvalidFilterKey", f"The filter {next(iter(filters.keys() - names.keys()))} is not valid"
            )
        instances = [i for r in ec2_backends[self.current_account][self.region].all_reservations() for i in r.instances]
        told = [_information(i) for i in instances if agent_of(i) != NONE]
        return _page(
            self,
            "InstanceInformationList",
            [t for t in told if all(t[names[key]] in values for key, values in filters.items())],
        )


def _information(instance: Any) -> dict[str, Any]:
    ping = {ONLINE: "Online", OFFLINE: "ConnectionLost"}[agent_of(instance)]
    return {
        "InstanceId": instance.id,
        "PingStatus": ping,
        "PlatformType": platform_of(instance),
        "AgentVersion": "3.3.0",
        "ResourceType": "EC2Instance",
    }


def _managed(response: Any, instance_id: str) -> Any:
    instances = {
        i.id: i for r in ec2_backends[response.current_account][response.region].all_reservations() for i in r.instances
    }
    instance = instances.get(instance_id)
    if instance is None or agent_of(instance) == NONE:
        raise JsonRESTError(
            "InvalidInstanceId",
            f"Instances [[{instance_id}]] not in a valid state for account {response.current_account}",
        )
    return instance


def _check(response: Any, instances: list[Any]) -> None:
    document, seconds = response._get_param("DocumentName"), response._get_param("TimeoutSeconds")
    if (
        len(response._get_param("Comment", "")) > LONGEST_COMMENT
        or len(instances) > INSTANCES_A_COMMAND
        or (seconds and int(seconds) < SHORTEST_TIMEOUT_SECONDS)
    ):
        raise JsonRESTError(
            "ValidationException",
            "1 validation error detected: Comment, InstanceIds or TimeoutSeconds failed to satisfy constraint",
        )
    wanted = SCRIPTS.get(document) or ("Windows" if document in vss.DOCUMENTS else None)
    if wanted is None and document not in response.ssm_backend._documents:
        raise JsonRESTError("InvalidDocument", f"Document with name {document} does not exist.")
    if document in vss.DOCUMENTS and set(response._get_param("Parameters", {})) - vss.PARAMETERS:
        raise JsonRESTError("InvalidParameters", "Document doesn't have all of these parameters")
    if any(wanted not in (None, platform_of(instance)) for instance in instances):
        raise JsonRESTError("UnsupportedPlatformType", f"{document} is not for the platform of the instance")


def _commands(response: Any) -> dict[str, Command]:
    return response.ssm_backend.__dict__.setdefault("run_commands", {})


def _shown(response: Any) -> list[Command]:
    return [c for c in list(_commands(response).values()) if c.requested_at <= CLOCK.now() - LAG.seconds]


def _asked(response: Any) -> list[Command]:
    """The newest first."""
    command_id, instance_id = response._get_param("CommandId"), response._get_param("InstanceId")
    if command_id and command_id not in _commands(response):
        raise JsonRESTError("InvalidCommandId", "")
    found = [c for c in _shown(response) if command_id in (None, c.id) and c.passes(response._get_param("Filters", []))]
    return [
        c for c in reversed(found) if instance_id is None or any(i.instance.id == instance_id for i in c.invocations)
    ]


def _page(response: Any, name: str, items: list[dict[str, Any]]) -> ActionResult:
    page, token = paged(items, response._get_param("MaxResults") or COMMANDS_A_PAGE, response._get_param("NextToken"))
    return ActionResult({name: page, **({"NextToken": token} if token else {})})


def install() -> None:
    extend(SimpleSystemManagerResponse, _Responses)
