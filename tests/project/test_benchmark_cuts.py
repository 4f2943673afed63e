"""The samples of Lab 11's slider: judged in the usual names, whatever the cut."""

import numpy as np
import torch

from benchmarks import cuts
from course_utils import data, metrics
from course_utils.manifolds import wrap


def test_a_run_is_judged_in_the_usual_names(monkeypatch):
    x = torch.tensor([[3.0, -1.0]]).expand(4 * len(data.backbones().part("test").angles()), 2)
    monkeypatch.setattr(cuts, "made", lambda *arguments: x)
    monkeypatch.setattr(cuts, "trained", lambda way, z, *others: (z, 0.0))
    taken = torch.tensor([1.0, 2.0])
    kept, variation, outside = cuts.cut_run("torus", taken, seed=0)
    test = data.backbones().part("test").angles()
    assert kept.shape == (cuts.KEPT, 2) and (kept == x[0]).all()
    assert variation == metrics.histogram_distance(wrap(x + taken), test, 24)
    assert outside == 0


def test_training_takes_the_cut_from_the_angles(monkeypatch):
    seen = []
    x = torch.full((13_552, 2), 3.5)
    monkeypatch.setattr(cuts, "trained", lambda way, z, *others: (seen.append((way, z)), 0.0))
    monkeypatch.setattr(cuts, "made", lambda *arguments: x)
    taken = torch.tensor([1.0, 2.0])
    assert cuts.cut_run("plane", taken, seed=0)[2] == 100
    ((way, z),) = seen
    assert way is cuts.ANGLES["plane, normal source"]
    torch.testing.assert_close(z, wrap(data.backbones().part("train").angles() - taken))


def test_the_file_is_what_the_slider_reads(monkeypatch, tmp_path):
    def run(flow, taken, seed, steps):
        return torch.full((cuts.KEPT, 2), -0.5 - (flow == "plane")), 0.1 * seed, 1.0 * seed

    monkeypatch.setattr(cuts, "cut_run", run)
    np.savez_compressed(tmp_path / "cuts.npz", **cuts.stored())
    monkeypatch.setattr("course_utils.data.proteins.CUTS", tmp_path / "cuts.npz")
    read = data.cuts()
    assert len(read) == len(cuts.SHARES)
    torch.testing.assert_close(read[2].taken, 0.5 * cuts.HELIX_CUT)
    for name, angle in (("torus", -0.5), ("plane", -1.5)):
        flown = read[4].flows[name]
        assert (flown.x - angle).abs().max() < 0.001
        torch.testing.assert_close(flown.variation, torch.tensor([0.0, 0.1, 0.2]))
        torch.testing.assert_close(flown.outside, torch.tensor([0.0, 1.0, 2.0]))
