"""Lab 4: an image generator for handwritten digits. Exercises 4.1 to 4.6."""

import math
import warnings

import torch
import torch.nn.functional as F

from course_utils.checks.old import Exercise, Mistake, by_name, random_inputs

NULL = 10


def _draw_fourier_features(seed: int) -> dict:
    normal = random_inputs(seed)
    return {"t": normal(6).sigmoid(), "frequencies": normal(3 + seed % 3).exp()}


def _fourier_features(t, frequencies):
    angles = [[2 * math.pi * f * s for f in frequencies.tolist()] for s in t.tolist()]
    rows = [[math.cos(a) for a in row] + [math.sin(a) for a in row] for row in angles]
    return torch.tensor(rows, dtype=t.dtype)


def _features(angle):
    return torch.cat([angle.cos(), angle.sin()], 1)


FOURIER_FEATURES = Exercise(
    "fourier_features", "4.1", "Fourier time embedding", 2, _draw_fourier_features, _fourier_features,
    (
        Mistake("no full turn", lambda t, frequencies: _features(t[:, None] * frequencies),
                "the factor that makes an angle of turns is missing: at frequency 1, t = 1 is a full turn."),
        Mistake("half turns", lambda t, frequencies: _features(math.pi * t[:, None] * frequencies),
                "the angles are half as large as they should be: at frequency 1, t = 1 is a full turn, not a half."),
        Mistake("sine first", lambda t, frequencies: _features(2 * math.pi * t[:, None] * frequencies)
                .roll(len(frequencies), 1),
                "the sines stand first: all cosines first, then all sines."),
        Mistake("taking turns", lambda t, frequencies: _features(2 * math.pi * t[:, None] * frequencies)
                .unflatten(1, (2, -1)).mT.flatten(1),
                "cosine and sine of each frequency stand side by side: all cosines first, then all sines."),
        Mistake("periods", lambda t, frequencies: _features(2 * math.pi * t[:, None] / frequencies),
                "t is divided by the frequencies: a frequency counts turns per unit of time, it is no period."),
        Mistake("features first", lambda t, frequencies: _features(2 * math.pi * t[:, None] * frequencies).mT,
                "rows and columns are exchanged: each time has a row."),
        Mistake("one below the other", lambda t, frequencies: torch.cat(
                    _features(2 * math.pi * t[:, None] * frequencies).chunk(2, 1)),
                "the sines stand below the cosines, as if there were twice as many times: put them side by side."),
        Mistake("stacked", lambda t, frequencies: _features(2 * math.pi * t[:, None] * frequencies)
                .unflatten(1, (2, -1)),
                "cosines and sines lie on top of each other, with an axis of their own: one row a time holds both."),
        Mistake("one row a frequency", lambda t, frequencies: _features(2 * math.pi * frequencies[:, None] * t),
                "each row belongs to a frequency: one row a time, as everywhere the batch comes first."),
        Mistake("cosines only", lambda t, frequencies: (2 * math.pi * t[:, None] * frequencies).cos(),
                "the sines are missing: from a cosine alone, a time before and one after a turning point look alike."),
        Mistake("root of two", lambda t, frequencies: 2**0.5 * _features(2 * math.pi * t[:, None] * frequencies),
                "the features are multiplied by the root of 2, as some papers do; here they stay between -1 and 1."),
    ),
)  # fmt: skip


def _draw_residual_block(seed: int) -> dict:
    normal = random_inputs(seed)
    weights = {"modulation": normal(8, 5), "conv1": normal(4, 4, 3, 3) / 6, "conv2": normal(4, 4, 3, 3) / 6}
    block = {"family": "block layers", "groups": 2, **weights, "biases": normal(16)}
    return {"block": block, "x": 2 * normal(3, 4, 6, 5) + 1, "embedding": normal(3, 5)}


def _residual_block(block, x, embedding):
    m, c1, c2 = block.modulation, block.conv1, block.conv2
    squashed = embedding / (1 + torch.exp(-embedding))
    out = []
    for image, e in zip(x, squashed, strict=True):
        groups = image.reshape(2, -1)
        variance, mean = torch.var_mean(groups, 1, correction=0, keepdim=True)
        normed = ((groups - mean) / (variance + 1e-5) ** 0.5).reshape(image.shape)
        scale, shift = (m.weight @ e + m.bias).reshape(2, -1, 1, 1)
        h = F.conv2d((normed + scale * normed + shift)[None], c1.weight, c1.bias, padding=1)
        h = F.conv2d(h / (1 + torch.exp(-h)), c2.weight, c2.bias, padding=1)
        out.append(image + h[0])
    return torch.stack(out)


def _same(x):
    return x


def _block(
    block, x, embedding, *, norm=True, one=1, swap=False, outer=1, inner=F.silu, before=F.silu, after=_same, late=False,
    outside=_same,
):  # fmt: skip
    scale, shift = after(block.modulation(before(embedding)))[..., None, None].chunk(2, 1)[:: -1 if swap else 1]
    h = block.norm(x) if norm else x
    h = block.conv1(h) if late else block.conv1(outside((one + scale) * h + shift))
    h = block.conv2(inner((one + scale) * h + shift if late else h))
    return outer * x + h


def _modulated_first(block, x, embedding):
    scale, shift = block.modulation(F.silu(embedding))[..., None, None].chunk(2, 1)
    return x + block.conv2(F.silu(block.conv1(block.norm((1 + scale) * x + shift))))


RESIDUAL_BLOCK = Exercise(
    "residual_block", "4.2", "Residual block", 3, _draw_residual_block, _residual_block,
    (
        Mistake("no skip", lambda block, x, embedding: _block(block, x, embedding, outer=0),
                "x itself is not added at the end: the block should only say what changes."),
        Mistake("skip from the normalised maps", lambda block, x, embedding:
                block.norm(x) + _block(block, x, embedding, outer=0),
                "what is added at the end is the normalised x: the maps have to pass by as they came in."),
        Mistake("scale without one", lambda block, x, embedding: _block(block, x, embedding, one=0),
                "a scale of 0 should leave the normalised x as it is; yours erases it."),
        Mistake("scale and shift exchanged", lambda block, x, embedding: _block(block, x, embedding, swap=True),
                "scale and shift are exchanged: the scale is the first half of what the modulation returns."),
        Mistake("no normalisation", lambda block, x, embedding: _block(block, x, embedding, norm=False),
                "x is not normalised before it is scaled and shifted."),
        Mistake("linear", lambda block, x, embedding: _block(block, x, embedding, inner=_same),
                "nothing non-linear stands between the two convolutions: together they are one linear map."),
        Mistake("ReLU", lambda block, x, embedding: _block(block, x, embedding, inner=F.relu),
                "a ReLU stands between the convolutions: the block is defined with SiLU."),
        Mistake("no SiLU on the embedding", lambda block, x, embedding: _block(block, x, embedding, before=_same),
                "the embedding goes through SiLU before the modulation; yours goes in as it is."),
        Mistake("SiLU after the modulation", lambda block, x, embedding:
                _block(block, x, embedding, before=_same, after=F.silu),
                "the SiLU is applied to scale and shift: it belongs to the embedding, before the modulation."),
        Mistake("SiLU too early", lambda block, x, embedding:
                _block(block, x, embedding, inner=_same, outside=F.silu),
                "the SiLU stands before the first convolution: it belongs between the two."),
        Mistake("modulated before the normalisation", _modulated_first,
                "scale and shift come before the normalisation, which undoes a part of them: they belong after it."),
        Mistake("modulated after the convolution", lambda block, x, embedding: _block(block, x, embedding, late=True),
                "scale and shift are applied after the first convolution: they belong right after the normalisation."),
        Mistake("embedding ignored", lambda block, x, embedding: x + block.conv2(F.silu(block.conv1(block.norm(x)))),
                "the embedding is not used: the block could not know the time or the label."),
    ),
    rtol=1e-5,
    why="float64 and the same operations; the order of the sums inside a convolution is free",
)  # fmt: skip


def _draw_drop_labels(seed: int) -> dict:
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, NULL, (12,), generator=generator)
    u = torch.rand(12, dtype=torch.float64, generator=generator)
    p = 0.2 + 0.2 * torch.rand((), generator=generator).item()
    u[:5], y[:2] = torch.tensor([0.5 * p, 1 - 0.5 * p, 0.5, p, 0.05], dtype=u.dtype), torch.tensor([3, 4])
    return {"y": y, "u": u, "p": p, "null": NULL + 1 + seed % 5}  # never 10, so that `null` has to be used


def _drop_labels(y, u, p, null):
    return torch.stack([y[i] if u[i] >= p else torch.tensor(null) for i in range(len(y))])


DROP_LABELS = Exercise(
    "drop_labels", "4.3", "Label dropping", 2, _draw_drop_labels, _drop_labels,
    (
        Mistake("kept and dropped exchanged", lambda y, u, p, null: torch.where(u < p, y, null),
                "kept and dropped labels are exchanged: with a small p nearly all labels should stay."),
        Mistake("dropped above p", lambda y, u, p, null: torch.where(u > p, null, y),
                "labels with a u above p are dropped: with a small p nearly all labels should stay."),
        Mistake("dropped with 1 - p", lambda y, u, p, null: torch.where(u > 1 - p, null, y),
                "the right share is dropped, but the wrong ones: a label goes where its u is below p."),
        Mistake("zero for null", lambda y, u, p, null: torch.where(u < p, 0, y),
                "dropped labels become 0, but 0 is a digit: the network needs a label of its own for 'no label'."),
        Mistake("10 for null", lambda y, u, p, null: torch.where(u < p, 10, y),
                "dropped labels become 10, whatever the argument null is."),
        Mistake("a tenth", lambda y, u, p, null: torch.where(u < 0.1, null, y),
                "the argument p is not used: a tenth of the labels is dropped, whatever it is."),
        Mistake("u equal to p", lambda y, u, p, null: torch.where(u <= p, null, y),
                "a label whose u equals p is dropped, too: with p = 0 and u = 0 it has to stay."),
        Mistake("all or nothing", lambda y, u, p, null: torch.full_like(y, null) if u[0] < p else y,
                "the whole batch shares one decision: each label is dropped by its own u."),
        Mistake("nothing dropped", lambda y, u, p, null: y.clone(),
                "no label was dropped."),
        Mistake("removed", lambda y, u, p, null: y[u >= p],
                "dropped labels are removed from the batch: replace them, so that each image keeps its place."),
    ),
    why="integers: equal or not",
)  # fmt: skip


def _draw_guided_velocity(seed: int) -> dict:
    normal = random_inputs(seed)
    model = {"family": "affine model", "matrix": normal(2, 2), "offset": normal(2), "rate": normal(2)}
    y = torch.randint(0, NULL, (5,), generator=torch.Generator().manual_seed(seed))
    null = NULL + 1 + seed % 5  # never 10, so that `null` has to be used
    return {
        "model": {**model, "labels": normal(null + 1, 2)},
        "x": normal(5, 2), "t": normal(1).sigmoid()[0], "y": y, "w": 1.5 + normal(1).exp().item(), "null": null,
    }  # fmt: skip


def _guided_velocity(model, x, t, y, w, null):
    unconditional = torch.cat([model(x[i : i + 1], t, torch.tensor([null])) for i in range(len(x))])
    return unconditional + w * (model(x, t, y) - unconditional)


def _guided(model, x, t, y, null, a, b):
    return a * model(x, t, torch.full_like(y, null)) + b * model(x, t, y)


GUIDED_VELOCITY = Exercise(
    "guided_velocity", "4.4", "Classifier-free guidance", 2, _draw_guided_velocity, _guided_velocity,
    (
        Mistake("exchanged", lambda model, x, t, y, w, null: _guided(model, x, t, y, null, w, 1 - w),
                "the two velocities are exchanged: w = 1 must give the conditional one."),
        Mistake("other scale", lambda model, x, t, y, w, null: _guided(model, x, t, y, null, -w, 1 + w),
                "this is the convention in which 0 means no guidance; here w = 1 means no guidance."),
        Mistake("no unconditional part", lambda model, x, t, y, w, null: w * model(x, t, y),
                "the unconditional velocity is missing: the two weights must sum to 1."),
        Mistake("weights sum to w + 1", lambda model, x, t, y, w, null: _guided(model, x, t, y, null, 1, w),
                "the weights do not sum to 1: where both velocities agree, guidance must change nothing."),
        Mistake("conditional only", lambda model, x, t, y, w, null: model(x, t, y),
                "w is not used: this is the conditional velocity without guidance."),
        Mistake("difference only", lambda model, x, t, y, w, null: _guided(model, x, t, y, null, -w, w),
                "only the difference of the two velocities is left: it has to be added to one of them."),
        Mistake("label left out", lambda model, x, t, y, w, null: (1 - w) * model(x, t) + w * model(x, t, y),
                "one velocity is taken without any label: 'no label' is a label, too; give it once for each image."),
        Mistake("label 0 for null", lambda model, x, t, y, w, null: _guided(model, x, t, y, 0, 1 - w, w),
                "the unconditional velocity is taken with label 0, which is a digit: use the null label."),
        Mistake("label 10 for null", lambda model, x, t, y, w, null: _guided(model, x, t, y, 10, 1 - w, w),
                "the unconditional velocity is taken with label 10, whatever the argument null is."),
    ),
)  # fmt: skip


def _draw_frechet(seed: int) -> dict:
    normal = random_inputs(seed)
    product = torch.tensor([-1.0])
    while (product < 0).any():  # else the root of its entries, a mistake, would be nan
        a, b = normal(4, 2 if seed % 3 == 2 else 7), normal(4, 2 if seed % 3 == 1 else 7)
        cov_a, cov_b = a @ a.T / 7, b @ b.T / 7
        product = (cov_a @ cov_b).diagonal()
    return {"mean_a": normal(4), "cov_a": cov_a, "mean_b": normal(4), "cov_b": cov_b}


def _frechet(mean_a, cov_a, mean_b, cov_b):
    from scipy.linalg import sqrtm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a singular covariance: sqrtm says that it may be inaccurate
        root = sqrtm(cov_a.numpy().dot(cov_b.numpy())).real
    return torch.dist(mean_a, mean_b) ** 2 + (cov_a + cov_b).trace() - 2 * root.trace()


def _root(cov, transposed=False):
    eigenvalues, basis = torch.linalg.eigh(cov)
    basis = basis.T if transposed else basis
    return basis * eigenvalues.clamp(min=0).sqrt() @ basis.T


def _distance(mean_a, cov_a, mean_b, cov_b, *, gap=lambda v: v.square().sum(), total=torch.trace, factor=2, root=_root):
    half = root(cov_a)
    cross = torch.linalg.eigvalsh(half @ cov_b @ half).clamp(min=0).sqrt().sum()
    return gap(mean_a - mean_b) + total(cov_a + cov_b) - factor * cross


FRECHET_DISTANCE = Exercise(
    "gaussian_frechet_distance", "4.5", "Fréchet distance", 3, _draw_frechet, _frechet,
    (
        Mistake("roots multiplied", lambda mean_a, cov_a, mean_b, cov_b: (mean_a - mean_b).square().sum()
                + (cov_a + cov_b - 2 * _root(cov_a) @ _root(cov_b)).trace(),
                "the product of the two roots is not the root that is asked for, unless the covariances commute."),
        Mistake("root of a negative number", lambda mean_a, cov_a, mean_b, cov_b:
                _distance(mean_a, cov_a, mean_b, cov_b) + cov_a.new_tensor(-1e-16).sqrt(),
                "nan is the root of a negative number: rounding makes eigenvalues that should be 0 slightly negative."),
        Mistake("product taken for symmetric", lambda mean_a, cov_a, mean_b, cov_b: (mean_a - mean_b).square().sum()
                + (cov_a + cov_b).trace() - 2 * torch.linalg.eigvalsh(cov_a @ cov_b).clamp(min=0).sqrt().sum(),
                "the product of the covariances is not symmetric, but eigvalsh and eigh read one half of a matrix."),
        Mistake("basis transposed", lambda mean_a, cov_a, mean_b, cov_b:
                _distance(mean_a, cov_a, mean_b, cov_b, root=lambda cov: _root(cov, transposed=True)),
                "the eigenvectors are the columns of the basis that eigh gives; in your root they are its rows."),
        Mistake("no factor 2", lambda mean_a, cov_a, mean_b, cov_b: _distance(mean_a, cov_a, mean_b, cov_b, factor=1),
                "equal Gaussians must have the distance 0; with yours the traces do not cancel. Count the roots."),
        Mistake("no root", lambda mean_a, cov_a, mean_b, cov_b: (mean_a - mean_b).square().sum()
                + (cov_a + cov_b - 2 * cov_a @ cov_b).trace(),
                "the product of the covariances is subtracted without its root: the units do not agree."),
        Mistake("variances only", lambda mean_a, cov_a, mean_b, cov_b: (mean_a - mean_b).square().sum()
                + (cov_a.diagonal().sqrt() - cov_b.diagonal().sqrt()).square().sum(),
                "only the diagonals of the covariances are used, as if the features were uncorrelated."),
        Mistake("root of the entries", lambda mean_a, cov_a, mean_b, cov_b: (mean_a - mean_b).square().sum()
                + (cov_a + cov_b).trace() - 2 * (cov_a @ cov_b).diagonal().sqrt().sum(),
                "the root is taken of each entry: the root of a matrix is the matrix whose product with itself it is."),
        Mistake("mean gap not squared", lambda mean_a, cov_a, mean_b, cov_b:
                _distance(mean_a, cov_a, mean_b, cov_b, gap=torch.linalg.vector_norm),
                "the distance of the means is not squared: the other terms are variances, squares already."),
        Mistake("mean gap averaged", lambda mean_a, cov_a, mean_b, cov_b:
                _distance(mean_a, cov_a, mean_b, cov_b, gap=lambda v: v.square().mean()),
                "the squared gaps of the means are averaged over the features: they have to be summed."),
        Mistake("means ignored", lambda mean_a, cov_a, mean_b, cov_b:
                _distance(mean_a, cov_a, mean_b, cov_b, gap=lambda v: 0),
                "the means are not compared."),
        Mistake("sum for trace", lambda mean_a, cov_a, mean_b, cov_b:
                _distance(mean_a, cov_a, mean_b, cov_b, total=torch.sum),
                "all entries of the covariances are summed: the trace takes those on the diagonal."),
        Mistake("root of the whole", lambda mean_a, cov_a, mean_b, cov_b:
                _distance(mean_a, cov_a, mean_b, cov_b).sqrt(),
                "this is the root of what is asked for: the Fréchet distance of images is quoted squared."),
    ),
    rtol=1e-6,
    why="roots of singular matrices: rounding errors of 1e-16 in an eigenvalue become 1e-8 in its root",
    observer="number",
)  # fmt: skip


def _draw_bridge_source(seed: int) -> dict:
    normal = random_inputs(seed)
    return {"z": normal(3, 1, 12, 8), "noise": normal(3, 1, 12, 8), "s": normal(1).sigmoid().item()}


def _bridge_source(z, noise, s):
    x0 = s * noise
    for row in range(0, z.shape[2], 4):
        for column in range(0, z.shape[3], 4):
            here = (..., slice(row, row + 4), slice(column, column + 4))
            x0[here] += z[here].mean((2, 3), keepdim=True)
    return x0


def _low(z):
    return F.interpolate(F.avg_pool2d(z, 4), scale_factor=4)


BRIDGE_SOURCE = Exercise(
    "bridge_source", "4.6", "A source for super-resolution", 2, _draw_bridge_source, _bridge_source,
    (
        Mistake("every fourth pixel", lambda z, noise, s: F.interpolate(z[..., ::4, ::4], scale_factor=4) + s * noise,
                "one pixel of each block is kept: a pixel of the small image is the mean of its 4×4 block."),
        Mistake("largest of the block", lambda z, noise, s:
                F.interpolate(F.max_pool2d(z, 4), scale_factor=4) + s * noise,
                "the largest pixel of each block is kept: a pixel of the small image is the mean of its 4×4 block."),
        Mistake("sum of the block", lambda z, noise, s: 16 * _low(z) + s * noise,
                "the blocks are summed: a pixel of the small image is the mean of its 4×4 block."),
        Mistake("small image tiled", lambda z, noise, s: F.avg_pool2d(z, 4).repeat(1, 1, 4, 4) + s * noise,
                "the small image is tiled, as on a sheet of stamps: each of its pixels has to become a 4×4 block."),
        Mistake("smooth upsampling", lambda z, noise, s:
                F.interpolate(F.avg_pool2d(z, 4), scale_factor=4, mode="bilinear") + s * noise,
                "the small image is upsampled smoothly: here each of its pixels becomes a block of 4×4 equal ones."),
        Mistake("noise before down", lambda z, noise, s: _low(z + s * noise),
                "the noise is added before the image is made small, so it has only one number a block: "
                "each of the large pixels needs its own."),
        Mistake("no noise", lambda z, noise, s: _low(z),
                "there is no noise: from a source without any, one small image could lead to one digit only."),
        Mistake("noise not scaled", lambda z, noise, s: _low(z) + noise,
                "the noise is not scaled by s."),
        Mistake("s as a variance", lambda z, noise, s: _low(z) + s**0.5 * noise,
                "s is taken as a variance: it is the standard deviation of the noise."),
        Mistake("s squared", lambda z, noise, s: _low(z) + s**2 * noise,
                "the noise is multiplied by the square of s: s is its standard deviation already."),
        Mistake("mixed", lambda z, noise, s: (1 - s) * _low(z) + s * noise,
                "the small image is faded by 1 - s: the noise is added to it, nothing is mixed."),
        Mistake("small", lambda z, noise, s: F.avg_pool2d(z, 4),
                "this is the small image: source and data of a path need the same shape."),
        Mistake("pairs lost", lambda z, noise, s: _low(z).roll(1, 0) + s * noise,
                "the images are there but in another order: row i of the source must come from row i of z."),
    ),
)  # fmt: skip

EXERCISES = by_name(FOURIER_FEATURES, RESIDUAL_BLOCK, DROP_LABELS, GUIDED_VELOCITY, FRECHET_DISTANCE, BRIDGE_SOURCE)

fourier_features = FOURIER_FEATURES
residual_block = RESIDUAL_BLOCK
drop_labels = DROP_LABELS
guided_velocity = GUIDED_VELOCITY
gaussian_frechet_distance = FRECHET_DISTANCE
bridge_source = BRIDGE_SOURCE
