"""What can go wrong around the engine, said in both languages with what to do about it.

Adapters translate their driver's errors into these at the edge; nothing else leaves a store, a sink or a runner on
purpose. `exit_code` is what a command ends with: 1 the run failed, 2 it was asked wrongly, 75 (EX_TEMPFAIL) try later.
"""

from __future__ import annotations

from pathlib import Path

from schemas.moments import Text
from streams.exit_codes import FAILED, HELD, USAGE


class StreamsError(Exception):
    """Base of all errors of this package. `text` says in both languages what happened and what to do."""

    exit_code = FAILED

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text

    def said_in(self, language: str) -> str:
        """The message in `language` (`zh`, else English)."""
        return self.text.said_in(language)


class FolderBusy(StreamsError):
    """Another process holds the folder. `pid` is its process id when it could be read."""

    exit_code = HELD

    def __init__(self, folder: Path, pid: int | None) -> None:
        self.folder = folder
        self.pid = pid
        who_zh, who_en = (f"进程 {pid}", f"process {pid}") if pid else ("另一个进程", "another process")
        super().__init__(
            Text(
                zh=f"文件夹 {folder} 正被{who_zh}使用。请等它结束,或换一个文件夹;要查询结果可用 `mot sql`,"
                "由运行中的进程回答。",
                en=f"The folder {folder} is in use by {who_en}. Wait until it ends or take another folder; "
                "to look at results use `mot sql`, the running process answers it.",
            )
        )


class FolderNotWritable(StreamsError):
    """The folder cannot be written: read-only file system or missing rights."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        super().__init__(
            Text(
                zh=f"无法写入文件夹 {folder}({reason})。请检查权限或挂载方式,或换一个文件夹;已有数据未被改动。",
                en=f"The folder {folder} cannot be written ({reason}). Check its rights and how it is mounted, or "
                "take another folder; the data in it were not touched.",
            )
        )


class ResultsReadOnly(StreamsError):
    """Results with a ClickHouse in a folder that cannot be written: ClickHouse opens no database it cannot write in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            Text(
                zh=f"结果文件夹 {folder} 是只读的,其中的 ClickHouse 数据库在只读文件夹里无法打开,查询也不行。"
                f"请复制到可写的位置再查询,例如:cp -r {folder} /tmp/mot-copy && chmod -R u+w /tmp/mot-copy,"
                "然后用 --in /tmp/mot-copy。",
                en=f"The result folder {folder} is read-only, and ClickHouse cannot open a database in a read-only "
                f"folder, not even to read it. Copy it to where you may write and ask there: "
                f"cp -r {folder} /tmp/mot-copy && chmod -R u+w /tmp/mot-copy, then --in /tmp/mot-copy.",
            )
        )


class DiskFull(StreamsError):
    """No space left where the folder (or the temporary files) live. Everything committed so far is intact."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        super().__init__(
            Text(
                zh=f"磁盘已满:{folder} 无法继续写入({reason})。已提交的数据完好;请释放空间后重新启动,"
                "程序会从中断处继续。",
                en=f"The disk is full: {folder} cannot take more ({reason}). All committed data are intact; free "
                "some space and start again, the run goes on where it stopped.",
            )
        )


class StateCorrupted(StreamsError):
    """A checksum or the file's structure does not hold. Nothing was changed."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        super().__init__(
            Text(
                zh=f"状态文件 {path} 已损坏({what})。程序没有改动它;请从备份恢复该文件,"
                "或换一个空文件夹从日志重新运行。",
                en=f"The state file {path} is damaged ({what}). It was not touched; restore it from a backup, or "
                "run the log again into an empty folder.",
            )
        )


class StateTooNew(StreamsError):
    """The state file was written by a later release. Nothing was changed."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        self.path = path
        super().__init__(
            Text(
                zh=f"状态文件 {path} 由更新的版本写成(格式 {found},本版本只认到 {known})。数据未被改动;"
                "请升级程序后再打开。",
                en=f"The state file {path} was written by a later release (format {found}, this one reads up to "
                f"{known}). The data were not touched; upgrade before opening it.",
            )
        )


class FolderMismatch(StreamsError):
    """The folder belongs to a run with other settings (number of partitions, detectors)."""

    def __init__(self, folder: Path, what: str, found: str, asked: str) -> None:
        self.folder = folder
        super().__init__(
            Text(
                zh=f"文件夹 {folder} 属于另一种设置的运行:{what} 当时是 {found},现在要求 {asked}。请沿用原设置,"
                "或换一个空文件夹。",
                en=f"The folder {folder} belongs to a run with other settings: {what} was {found}, asked for now is "
                f"{asked}. Keep the old setting or take an empty folder.",
            )
        )


class SinkFailed(StreamsError):
    """ClickHouse refused or could not take a write for a reason other than one bad row or a full disk."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            Text(
                zh=f"写入 {where} 失败:{reason}。本批状态没有提交;排除原因后重新启动即可继续,不会丢失也不会重复。",
                en=f"Writing to {where} failed: {reason}. The state of this batch was not committed; mend the cause "
                "and start again, nothing is lost or doubled.",
            )
        )


class SourceNotResumable(StreamsError):
    """A run is to be continued but its source cannot go back to a position."""

    def __init__(self, position: int) -> None:
        super().__init__(
            Text(
                zh=f"该文件夹已处理到第 {position} 条记录,但输入源不能从某个位置继续(例如标准输入)。请使用文件,"
                "或换一个空文件夹。",
                en=f"This folder has processed {position} records, but the source cannot go on from a position "
                "(standard input, for one). Use a file, or take an empty folder.",
            )
        )


class QueryRefused(StreamsError):
    """A query was not answered: not a read, wrong, too long or too large."""

    exit_code = USAGE

    def __init__(self, reason_zh: str, reason_en: str) -> None:
        super().__init__(Text(zh=f"查询未被执行:{reason_zh}", en=f"The query was not answered: {reason_en}"))
