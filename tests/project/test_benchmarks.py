"""What the benchmarks compute from their timings; no time is asserted."""

import csv
import inspect
import json
import math
import os
import time
from types import SimpleNamespace

import nbformat
import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import board, growth, maps, package, quality
from benchmarks.digits import Clock, fastest_product
from benchmarks.finished import greys
from benchmarks.grids import jumps
from benchmarks.plots import Plot
from benchmarks.report import Report, read_rows
from benchmarks.rows import Row, alone, compare, forget_peak, over_seeds, peak_megabytes, side_by_side, table
from course_utils.paths import average_velocity


@pytest.fixture
def ticking(monkeypatch):
    """A clock that stands still unless work is done: `work(seconds)` returns a call that takes so long."""
    now = SimpleNamespace(value=0.0)
    monkeypatch.setattr(time, "process_time", lambda: now.value)

    def work(*durations):
        left = iter(durations)

        def call():
            now.value += next(left)

        return call

    return work


def test_compare_takes_medians_and_the_spread_after_warming_up(ticking):
    ours, peer = ticking(100, 1, 2, 4), ticking(100, 3, 4, 40)
    row = compare("a", "b", ours, peer, "c", least=2.5, rounds=3)
    assert (row.ours, row.peer) == (2, 4)
    assert (row.ratio, row.spread) == (3, (2, 10))
    assert row.must == "at least 2.5×" and row.holds


def test_compare_does_not_hold_below_its_limit(ticking):
    row = compare("a", "b", ticking(0, 1), ticking(0, 2), "c", least=2.1, rounds=1)
    assert row.ratio == 2 and not row.holds


@pytest.mark.parametrize(("peer", "holds"), [(0.9994, False), (0.9996, True)])
def test_compare_judges_the_digits_that_the_table_shows(ticking, peer, holds):
    row = compare("a", "b", ticking(0, 1), ticking(0, peer), "c", least=1, rounds=1)
    assert row.holds == holds and ("| 1 (1 to 1) |" in table([row])) == holds


def test_compare_shows_amounts_a_second_and_the_same_ratio(ticking):
    row = compare("a", "b", ticking(0, 2), ticking(0, 8), "c", rounds=1, amount=16, unit="steps/s")
    assert (row.ours, row.peer, row.ratio) == (8, 2, 4)
    assert row.must == "" and row.holds


@pytest.mark.parametrize(
    ("value", "limit", "must", "holds"),
    [
        (3.0, {"most": 4.0}, "at most 4 ms", True),
        (5.0, {"most": 4.0}, "at most 4 ms", False),
        (5.0, {"least": 4.0}, "at least 4 ms", True),
        (3.0, {"least": 4.0}, "at least 4 ms", False),
        (4.0, {"most": 4.0}, "at most 4 ms", True),
    ],
)
def test_alone_compares_with_its_limit(value, limit, must, holds):
    row = alone("a", "b", value, "ms", **limit)
    assert (row.must, row.holds) == (must, holds)


def test_a_mean_over_seeds_shows_its_spread_and_keeps_its_limit():
    row = over_seeds("a", "b", [3.0, 1.0, 2.0], "s", most=2.5)
    assert (row.ours, row.ratio, row.spread, row.must, row.holds) == (2.0, 2.0, (1.0, 3.0), "at most 2.5 s", True)
    assert not over_seeds("a", "b", [3.0, 1.0, 2.0], "s", least=2.5).holds
    assert over_seeds("a", "b", [3.0], "s").must == ""


@pytest.mark.parametrize(("value", "holds"), [(0, True), (1, False)])
def test_a_limit_of_0_has_no_ratio(value, holds):
    row = alone("a", "b", value, "", most=0)
    assert row.ratio is None and row.holds is holds and row.must == "at most 0"


def test_alone_without_a_limit_is_only_stated():
    row = alone("a", "b", 3.0, "ms")
    assert row.holds and row.must == "" and row.ratio is None


@pytest.mark.parametrize(("limit", "holds"), [({"most": 3.0}, True), ({"most": 2.9}, False), ({"least": 3.1}, False)])
def test_over_seeds_it_is_the_mean_that_has_to_hold(limit, holds):
    row = over_seeds("a", "b", [1.0, 6.0, 2.0], "", **limit)
    assert (row.ours, row.spread, row.holds) == (3.0, (1.0, 6.0), holds)
    assert row.must.split() == ["at", *next((word, f"{value:g}") for word, value in limit.items())]


def test_jumps_at_the_edges_of_patches():
    """By loops over all pairs of neighbours; a picture that is smooth has as large ones at the edges as elsewhere."""
    images = torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    images[..., 3:] += 2
    across, within = [], []
    for x in images[:, 0].tolist():
        for i in range(6):
            for k in range(5):
                kept = across if k == 2 else within
                kept += [(x[i][k + 1] - x[i][k]) ** 2, (x[k + 1][i] - x[k][i]) ** 2]
    expected = sum(across) / len(across) / (sum(within) / len(within))
    assert jumps(images, patch=3) == pytest.approx(expected, rel=1e-5)
    slope = torch.arange(6.0) + torch.arange(6.0)[:, None]
    assert jumps(slope[None, None], patch=3) == pytest.approx(1)


def test_greys_are_those_of_a_file():
    images = torch.linspace(-1, 1, 999)
    file = (127.5 * (images + 1)).round().byte()
    assert torch.allclose(greys(images), file.float() / 127.5 - 1)
    paper = torch.tensor([-1.0, -0.9999])
    assert greys(paper).tolist() == [-1, -1]


def test_table_says_what_does_not_hold():
    lines = table([
        Row("a", "fast", 2.0, 1.0, "peer 1.0", "s", 0.5, (0.4, 0.6), "at least 1×", False),
        Row("a", "stated", 3.0, None, "", "ms"),
        alone("a", "good", 0.25, "", most=0.5),
    ]).splitlines()  # fmt: skip
    assert lines[2] == "| fast | 2 s | 1 s (peer 1.0) | 0.5 (0.4 to 0.6) | at least 1× | **no** |"
    assert lines[3] == "| stated | 3 ms |  |  |  |  |"
    assert lines[4] == "| good | 0.25 |  | 0.5 | at most 0.5 | yes |"


def timed(name, ratio, least, most):
    return Row(name, f"{name} against", 1.0, ratio, "peer", "s", ratio, (least, most))


@pytest.mark.parametrize(
    ("earlier", "agree"),
    [
        (timed("a", 2.2, 1.9, 2.4), "within"),
        (timed("a", 2.0, 1.9, 2.05), "overlap"),  # 2.1 is not within
        (timed("a", 2.4, 2.0, 2.6), "overlap"),  # 2.4 is not within
        (timed("a", 2.4, 2.3, 2.6), "overlap"),  # they touch
        (timed("a", 1.9, 1.8, 1.99), "**apart**"),
        (timed("a", 2.4, 2.31, 2.6), "**apart**"),
    ],
)
def test_two_runs_agree_where_each_median_lies_in_the_others_spread(earlier, agree):
    (line,) = side_by_side([timed("a", 2.1, 2.0, 2.3)], [earlier]).splitlines()[2:]
    theirs = f"{earlier.ratio:.3g} ({earlier.spread[0]:.3g} to {earlier.spread[1]:.3g})"
    assert line == f"| a against, peer | 2.1 (2 to 2.3) | {theirs} | {agree} |"


def test_the_rows_that_two_runs_share_are_compared_though_numbers_in_their_words_differ():
    now = [alone("a", "load 1.7", 5.0, "s"), alone("a", "batch 256", 2.0, "s"), alone("a", "batch 20,000", 3.0, "s"),
           timed("a", 2, 1, 3), timed("new", 2, 1, 3)]  # fmt: skip
    earlier = [timed("gone", 2, 1, 3), timed("b", 5, 1, 9), timed("a", 2, 1, 3), alone("a", "batch 256", 7.0, "s"),
               alone("a", "batch 20,000", 8.0, "s"), alone("a", "load 12", 4.0, "s")]  # fmt: skip
    assert side_by_side(now, earlier).splitlines()[2:] == [
        "| load 1.7 | 5 s | 4 s |  |",
        "| batch 256 | 2 s | 7 s |  |",
        "| batch 20,000 | 3 s | 8 s |  |",
        "| a against, peer | 2 (1 to 3) | 2 (1 to 3) | within |",
    ]
    assert len(side_by_side(now[:1], earlier).splitlines()) == 3  # a run that has just begun


def test_rows_are_valid_json_with_the_promised_keys():
    row = json.loads(json.dumps(alone("a", "b", 3.0, "ms").as_dict(), allow_nan=False))
    assert list(row) == ["name", "what", "ours", "peer", "peer_name", "unit", "ratio", "spread", "must", "holds"]


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_slope_is_the_power_and_start_up_costs_are_left_out(power):
    sizes = [10, 100, 1000, 10_000, 100_000]
    times = [0.5, 0.6, *(size**power for size in sizes[2:])]
    slope, (at, line) = growth.upper_line(sizes, times)
    assert math.isclose(slope, power, rel_tol=1e-9)
    assert at == sizes[2:] and line == pytest.approx(times[2:])


def test_the_slope_of_three_sizes_uses_two():
    assert growth.upper_line([1, 2, 4], [7.0, 1.0, 2.0])[0] == pytest.approx(1)


def point(cpu, distance):
    return quality.Point(cpu, 1, 0.5, distance)


def test_a_peer_is_compared_with_our_latest_point_of_no_more_time():
    own = [point(5, 100), point(80, 20), point(600, 10)]
    pairs = quality.at_equal_time(own, [point(60, 300), point(240, 200), point(590, 100)])
    assert [mine.cpu for mine, _ in pairs] == [5, 80, 600]


def test_the_board_benchmark_finds_what_it_takes_from_lab_2():
    cpu, share = board.ours(steps=2)
    assert cpu > 0 and 0.3 < share < 0.7  # untrained: half of the plane is off the squares


def test_quality_holds_only_below_everywhere():
    own = [point(5, 100), point(80, 20), point(600, 10)]
    points = {
        quality.OURS: own,
        quality.RECIPE: [point(60, 300), point(600, 30)],
        quality.TORCHCFM: [point(60, 90), point(600, 15)],
    }
    found = list(quality.rows(points, "distance"))
    assert [row.holds for row in found] == [True, True, False, False]
    assert [row.ratio for row in found] == pytest.approx([3, 1.5, 0.9, 0.75])
    assert found[0].spread == pytest.approx((3, 3)) and found[2].spread == pytest.approx((0.9, 1.5))


def test_the_clock_adds_by_part_and_hands_on(ticking):
    clock, work = Clock(), ticking(1, 2, 4)
    clock("a", work)
    clock("b", work)
    clock("a", work)
    assert clock.spent == {"a": 5, "b": 2}
    assert clock("c", max, 3, 4) == 4


def curve(name="curve"):
    return Plot(name, "A falling line.", "seconds", "error", {"ours": ([1, 10], [4.0, 2.0])}, ("floor", 1.0))


def test_a_plot_is_a_picture_and_its_numbers(tmp_path):
    curve().write(tmp_path / "new")
    assert (tmp_path / "new/curve.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "new/curve.csv").open(encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["curve", "seconds", "error"], ["ours", "1", "4.0"], ["ours", "10", "2.0"]]
    ax = curve().draw().axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [line.get_label() for line in ax.lines] == ["ours", "floor"]


def test_what_was_found_is_on_disk_before_a_benchmark_fails(tmp_path):
    def found():
        yield alone("a", "first", 1.0, "s")
        yield curve()
        raise RuntimeError

    report = Report(tmp_path)
    with pytest.raises(RuntimeError):
        report.take("a", found())
    text = (tmp_path / "table.md").read_text("utf-8")
    assert "| first | 1 s |" in text and "![A falling line.](curve.png)" in text
    assert read_rows(tmp_path) == report.rows
    assert (tmp_path / "curve.png").exists()


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run the command with two made-up benchmarks; returns exit status, stdout, stderr."""
    made = {
        "good": lambda quick: [alone("good", f"quick is {quick}", 1.0, "s", most=2.0)],
        "bad": lambda quick: iter([alone("bad", "slow", 3.0, "s", most=2.0), curve()]),
    }
    threads = torch.get_num_threads()
    monkeypatch.setattr(command, "BENCHMARKS", dict.fromkeys(made, ""))
    monkeypatch.setattr(command, "benchmark", made.get)
    yield lambda *arguments: (command.main([*arguments, "--out", str(tmp_path)]), *capsys.readouterr())
    torch.set_num_threads(threads)


def test_exit_status_is_that_of_the_rows(run):
    assert run("good")[0] == 0
    assert run("bad")[0] == 1
    assert run()[0] == 1


def test_an_unknown_benchmark_is_one_sentence_and_status_2(run, capsys):
    with pytest.raises(SystemExit) as stop:
        run("godo")
    out, said = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    assert said == "error: expected benchmarks among good, bad, got godo\n"


def test_json_is_a_list_of_all_rows(run):
    _, out, _ = run("--json")
    assert [row["name"] for row in json.loads(out)] == ["good", "bad"]


def test_quick_reaches_the_benchmark_and_marks_every_row(run, tmp_path):
    _, out, _ = run("--quick")
    assert "| quick is True (quick) | 1 s |" in out and "| slow (quick) | 3 s |" in out
    _, out, _ = run()
    assert "| quick is False | 1 s |" in out and "(quick)" not in out
    assert (tmp_path / "table.md").read_text("utf-8") == out.removesuffix("\n")


def test_an_earlier_run_is_compared_in_a_file_of_its_own(run, tmp_path):
    run("good")
    (tmp_path / "rows.json").rename(tmp_path / "earlier.json")
    assert not (tmp_path / "second.md").exists()
    (tmp_path / "first").mkdir()
    (tmp_path / "earlier.json").rename(tmp_path / "first/rows.json")
    assert run("--against", str(tmp_path / "first"))[0] == 1
    assert "| quick is False | 1 s | 1 s |  |" in (tmp_path / "second.md").read_text("utf-8")


@pytest.mark.parametrize("text", [None, "{", '{"a": 1}', '[{"name": "a"}]'])
def test_an_earlier_run_without_rows_is_one_sentence_and_status_2(run, tmp_path, text):
    if text:
        (tmp_path / "rows.json").write_text(text, "utf-8")
    status, out, said = run("--against", str(tmp_path))
    assert (status, out) == (2, "")
    assert said.startswith(f"error: expected the rows of an earlier run in {tmp_path / 'rows.json'}: ")
    assert said.count("\n") == 1 and not (tmp_path / "table.md").exists()


def test_labs_and_grader_do_not_see_the_settings_of_memory(run, monkeypatch):
    seen = {}
    monkeypatch.setattr(Report, "take", lambda *_: seen.update(os.environ))
    for variable in command.KEEP_MEMORY:
        monkeypatch.setenv(variable, "1")
    run()
    assert seen and not command.KEEP_MEMORY.keys() & seen.keys()


def test_the_fastest_product_is_one():
    a = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    product = fastest_product(a)()
    torch.testing.assert_close(product.to_dense() if product.is_mkldnn else product, a @ a.T)


def cell(seconds, *outputs, name="c"):
    stamps = {"iopub.status.busy": "2026-01-01T00:00:00.5Z", "iopub.status.idle": f"2026-01-01T00:00:{seconds:09.6f}Z"}
    made = nbformat.v4.new_code_cell("1", id=name, outputs=[*outputs])
    made.metadata["execution"] = stamps
    return made


def test_a_map_is_judged_by_the_exact_one():
    """The exact map is right everywhere; one that is off by 0.1 at the end is so in every figure."""
    exact = average_velocity(maps.EXACT.flow_map, maps.EXACT.velocity)
    distances, whole, everywhere = maps.judged(exact, velocity_only=False, n=1000)
    assert max(*distances, whole, everywhere) < 1e-5
    off = lambda x, s, t: exact(x, s, t) + 0.1  # noqa: E731
    distances, whole, everywhere = maps.judged(off, velocity_only=False, n=1000)
    assert distances[0] == pytest.approx(0.1, abs=1e-5) and whole == pytest.approx(0.1, abs=1e-5)
    spans = [(j - i) / 8 for i in range(9) for j in range(i + 1, 9)]
    assert everywhere == pytest.approx(0.1 * sum(spans) / len(spans), abs=1e-5)


def test_euler_steps_follow_the_velocity_alone():
    u = average_velocity(maps.EXACT.flow_map, maps.EXACT.velocity)
    distances, _, _ = maps.judged(u, velocity_only=True, n=1000)
    assert distances[0] > distances[1] > distances[2] > 0.2


def test_the_peak_is_counted_anew():
    earlier = torch.ones(2**25)
    del earlier
    forget_peak()
    before = peak_megabytes()
    kept = torch.ones(2**24)
    assert 0.8 < (peak_megabytes() - before) / (kept.numel() * 4 / 2**20) < 1.5


def test_slow_cells_and_bars_are_told_apart():
    text = lambda said: nbformat.v4.new_output("display_data", {"text/plain": said})  # noqa: E731
    bar, live, figure = map(text, ("fit:   0%|          | 0/9 [00:00<?, ?step/s]", "HTML(value='')", "<IPython HTML>"))
    printed = nbformat.v4.new_output("stream", name="stderr", text="judge:  50%|#####     | 1/2 [00:00<00:00]")
    assert [package.is_slow(one) for one in (cell(3.0), cell(2.0), cell(3.0, name="setup"))] == [True, False, False]
    assert not package.is_slow(nbformat.v4.new_code_cell("never run"))
    assert all(package.has_bar(cell(3.0, figure, one)) for one in (bar, live, printed))
    assert not package.has_bar(cell(3.0, figure))


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_every_benchmark_is_a_function_of_its_module(name: str):
    found = command.benchmark(name)
    assert inspect.isfunction(found) and found.__module__ == f"benchmarks.{command.BENCHMARKS[name]}"
    assert list(inspect.signature(found).parameters) == ["quick"]
