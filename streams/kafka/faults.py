"""What can go wrong between this product and a Kafka cluster, said in both languages with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kafka.errors import (
    AuthorizationError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    SaslAuthenticationFailedError,
)

from schemas.moments import Text
from streams.errors import StreamsError

_REFUSED = (SaslAuthenticationFailedError, AuthorizationError)
_SILENT = (KafkaTimeoutError, KafkaConnectionError, NodeNotReadyError, OSError, TimeoutError)


class KafkaUnreachable(StreamsError):
    """No broker of `bootstrap` answered in time."""

    def __init__(self, bootstrap: str, reason: str) -> None:
        self.bootstrap = bootstrap
        super().__init__(
            Text(
                zh=f"Kafka {bootstrap} 没有应答({reason})。请检查 broker 是否在运行、地址与安全协议是否正确:"
                "--bootstrap HOST:PORT、环境变量 MOT_BOOTSTRAP,或 --kafka 文件中的 bootstrap 与 security。",
                en=f"Kafka at {bootstrap} does not answer ({reason}). Check that the broker runs and that address and "
                "security protocol are right: --bootstrap HOST:PORT, the variable MOT_BOOTSTRAP, or `bootstrap` and "
                "`security` of the --kafka file.",
            )
        )


class KafkaRefused(StreamsError):
    """A broker answered and does not let us in, or not do this."""

    def __init__(self, bootstrap: str, reason: str) -> None:
        self.bootstrap = bootstrap
        super().__init__(
            Text(
                zh=f"Kafka {bootstrap} 拒绝了访问({reason})。请检查 security 下的协议、用户名、密码与证书,"
                "以及该用户的权限(ACL)。",
                en=f"Kafka at {bootstrap} refuses access ({reason}). Check protocol, user name, password and "
                "certificates under `security`, and what this user may do (ACLs).",
            )
        )


class KafkaFailed(StreamsError):
    """The cluster answered a request with an error."""

    def __init__(self, bootstrap: str, reason: str) -> None:
        self.bootstrap = bootstrap
        super().__init__(
            Text(
                zh=f"Kafka {bootstrap} 返回错误:{reason}。请查看 broker 日志;排除原因后可直接重试。",
                en=f"Kafka at {bootstrap} answered with an error: {reason}. See the broker's log; once the cause is "
                "mended, the same command may simply be run again.",
            )
        )


@contextmanager
def translated(bootstrap: str) -> Iterator[None]:
    """Errors of kafka-python raised inside leave as KafkaUnreachable, KafkaRefused or KafkaFailed."""
    try:
        yield
    except _REFUSED as flaw:
        raise KafkaRefused(bootstrap, reason_of(flaw)) from flaw
    except _SILENT as flaw:
        raise KafkaUnreachable(bootstrap, reason_of(flaw)) from flaw
    except KafkaError as flaw:
        raise KafkaFailed(bootstrap, reason_of(flaw)) from flaw


def reason_of(flaw: BaseException) -> str:
    """An error of a client library in one line."""
    said = str(flaw).splitlines()[0] if str(flaw) else ""
    kind = type(flaw).__name__
    return (said if said.startswith(kind) or f"] {kind}" in said else f"{kind}: {said}")[:300]
