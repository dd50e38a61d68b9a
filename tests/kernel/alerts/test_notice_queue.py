"""What waits for a channel: order, digest, quiet hours, rate, and what goes first when there is too much."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bus.clock import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from kernel.alerts.message import Message
from kernel.alerts.notice import SEVERITIES, Notice, Severity
from kernel.alerts.notice_queue import WAITING_MAX, NoticeQueue
from kernel.alerts.notice_window import KEYS_MAX, NoticeWindow
from kernel.alerts.route import Route

NOON = 12 * NS_PER_HOUR
ALL = Route(severity_min="info", messages_per_minute=60)


def notice(severity: Severity = "warning", code: str = "c", source: str = "s", text: str = "t", **more: int) -> Notice:
    return Notice(severity=severity, source=source, code=code, text=text, seq=1, ts_ns=NOON, **more)


def taken(queue: NoticeQueue, now_ns: int) -> list[Message]:
    found = []
    while (message := queue.take(now_ns)) is not None:
        found.append(message)
    return found


def test_grave_things_come_first_and_info_waits_for_its_digest() -> None:
    queue = NoticeQueue(ALL, NOON)
    for severity in SEVERITIES:
        queue.offer(notice(severity, text=severity))
    assert [each.severity for each in taken(queue, NOON)] == ["critical", "warning"]
    assert queue.next_due_ns(NOON) == NOON + 15 * NS_PER_MINUTE
    (digest,) = taken(queue, NOON + 15 * NS_PER_MINUTE)
    assert digest.title == "Digest · 1 notices"
    assert digest.text == "12:00 s: info"
    assert queue.next_due_ns(NOON) is None


def test_without_a_digest_info_is_told_at_once() -> None:
    queue = NoticeQueue(msgspec.structs.replace(ALL, digest_minutes=0), NOON)
    queue.offer(notice("info"))
    assert queue.next_due_ns(NOON) == NOON
    assert [each.severity for each in taken(queue, NOON)] == ["info"]


def test_what_is_less_grave_than_the_route_is_not_told() -> None:
    queue = NoticeQueue(Route(severity_min="critical"), NOON)
    queue.offer(notice("warning"))
    assert queue.waiting == 0


def test_in_quiet_hours_only_critical_notices_are_told() -> None:
    route = msgspec.structs.replace(ALL, quiet_from_hour=22, quiet_to_hour=6)
    late = 23 * NS_PER_HOUR + 5
    queue = NoticeQueue(route, late)
    queue.offer(notice("warning"))
    queue.offer_message(Message(title="Daily"))
    queue.offer(notice("critical"))
    assert [each.severity for each in taken(queue, late)] == ["critical"]
    assert queue.next_due_ns(late) == 30 * NS_PER_HOUR
    assert taken(queue, 30 * NS_PER_HOUR - 1) == []
    assert [each.title.partition(" ")[0] for each in taken(queue, 30 * NS_PER_HOUR)] == ["Daily", "WARNING"]


@given(st.integers(0, 23), st.integers(0, 23), st.integers(0, 10**17))
def test_quiet_hours_end_at_their_hour_and_are_then_over(start: int, end: int, now_ns: int) -> None:
    route = Route(quiet_from_hour=start, quiet_to_hour=end)
    until_ns = route.quiet_until_ns(now_ns)
    assert 0 <= until_ns - now_ns <= 24 * NS_PER_HOUR
    assert route.quiet_until_ns(until_ns) == until_ns
    hour = now_ns // NS_PER_HOUR % 24
    assert (until_ns > now_ns) is (hour in {(start + each) % 24 for each in range((end - start) % 24)})


def test_the_rate_holds_in_every_minute() -> None:
    queue = NoticeQueue(msgspec.structs.replace(ALL, messages_per_minute=2), NOON)
    for number in range(50):
        queue.offer(notice("critical", text=str(number)))
    assert len(taken(queue, NOON)) == 2
    due_ns = queue.next_due_ns(NOON + 1)
    assert due_ns == NOON + NS_PER_MINUTE
    assert taken(queue, due_ns - 1) == []
    assert len(taken(queue, due_ns)) == 2


def test_waiting_notices_of_one_kind_share_a_message() -> None:
    queue = NoticeQueue(ALL, NOON)
    for number in range(12):
        queue.offer(notice(text=f"n{number}"))
    first, second = taken(queue, NOON)
    assert first.title == "WARNING · 10 notices"
    assert [len(each.notices) for each in (first, second)] == [10, 2]


@given(st.lists(st.tuples(st.sampled_from(SEVERITIES), st.sampled_from("abc")), max_size=3 * WAITING_MAX))
def test_no_critical_notice_is_lost_and_every_other_is_told_or_counted(said: list[tuple[Severity, str]]) -> None:
    queue = NoticeQueue(ALL, NOON)
    for severity, code in said:
        queue.offer(notice(severity, code))
    assert queue.waiting <= WAITING_MAX
    overflow = queue.overflow
    told: dict[str, int] = {}
    minute = NOON + 15 * NS_PER_MINUTE
    while queue.waiting or queue.overflow:
        for message in taken(queue, minute):
            for each in message.notices:
                told[each.severity] = told.get(each.severity, 0) + each.count
        minute += NS_PER_MINUTE * 15
    critical = sum(1 for severity, _ in said if severity == "critical")
    assert told.get("critical", 0) + overflow == critical
    assert sum(told.values()) + overflow + queue.dropped == len(said)


def test_a_full_queue_gives_up_the_oldest_info_first_then_warnings_and_folds_critical_ones() -> None:
    queue = NoticeQueue(ALL, NOON)
    for number in range(WAITING_MAX - 1):
        queue.offer(notice("warning", text=str(number)))
    queue.offer(notice("info"))
    queue.offer(notice("critical", "first"))
    queue.offer(notice("critical", "second"))
    assert queue.dropped == 2
    queue.offer(notice("info"))
    assert queue.dropped == 3
    assert queue.waiting_critical == 2


def test_more_critical_notices_than_fit_are_told_as_a_number() -> None:
    queue = NoticeQueue(ALL, NOON)
    for number in range(WAITING_MAX + 7):
        queue.offer(notice("critical", f"code {number}"))
    messages = []
    now_ns = NOON
    while queue.waiting_critical:
        messages += taken(queue, now_ns)
        now_ns += NS_PER_MINUTE
    assert "7 more critical notices" in messages[-1].text


# the window ---------------------------------------------------------------------------------------------------------


def test_a_thing_is_told_once_and_then_as_a_count_when_its_window_ends() -> None:
    window = NoticeWindow(600)
    told = [each for step in range(18) for each in window.offer(notice(text=str(step)), NOON + step * NS_PER_S)]
    assert [each.text for each in told] == ["0"]
    assert window.held == 17
    assert window.next_due_ns == NOON + 600 * NS_PER_S
    (count,) = window.due(NOON + 600 * NS_PER_S)
    assert (count.count, count.span_s, count.text) == (17, 600, "17")
    queue = NoticeQueue(ALL, NOON)
    queue.offer(count)
    assert "×17 in 10 min" in taken(queue, NOON)[0].text


def test_what_goes_on_is_counted_again_and_what_stops_is_forgotten() -> None:
    window = NoticeWindow(600)
    window.offer(notice(), NOON)
    window.offer(notice(), NOON + 1)
    assert len(window.due(NOON + 600 * NS_PER_S)) == 1
    assert window.offer(notice(), NOON + 700 * NS_PER_S) == []
    assert [each.count for each in window.due(NOON + 1_300 * NS_PER_S)] == [1]
    assert window.due(NOON + 2_000 * NS_PER_S) == []
    assert window.next_due_ns is None
    assert len(window.offer(notice(), NOON + 2_001 * NS_PER_S)) == 1


def test_other_codes_graver_ones_and_kill_switches_are_told_at_once() -> None:
    window = NoticeWindow(600)
    kill = Notice(severity="critical", source="k", code="kill_on", text="", seq=1, ts_ns=0, is_always_told=True)
    assert len(window.offer(notice(code="a"), NOON)) == 1
    assert len(window.offer(notice(code="b"), NOON)) == 1
    assert window.offer(notice(code="a"), NOON) == []
    graver = window.offer(notice("critical", code="a"), NOON)
    assert [(each.severity, each.count) for each in graver] == [("warning", 1), ("critical", 1)]
    assert [len(window.offer(kill, NOON)) for _ in range(3)] == [1, 1, 1]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 200)), max_size=200), st.sampled_from([0, 60, 600]))
def test_the_window_loses_nothing(said: list[tuple[str, int]], window_s: int) -> None:
    window = NoticeWindow(window_s)
    now_ns, told = NOON, 0
    for code, pause_s in said:
        now_ns += pause_s * NS_PER_S
        told += sum(each.count for each in window.offer(notice(code=code), now_ns))
    for _ in range(3):
        now_ns += 601 * NS_PER_S
        told += sum(each.count for each in window.due(now_ns))
    assert told == len(said)


def test_windows_are_limited_and_the_oldest_makes_room_without_loss() -> None:
    window = NoticeWindow(600)
    window.offer(notice(code="first"), NOON)
    window.offer(notice(code="first"), NOON)
    told = [each for number in range(KEYS_MAX) for each in window.offer(notice(code=f"x{number}"), NOON)]
    assert len(told) == KEYS_MAX + 1
    assert window.held == 0
