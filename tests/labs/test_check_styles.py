"""Right answers in other styles than the reference's: every one must pass the check it was written for."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.func import jacrev, vmap

from course_utils import checks

EXERCISES = {exercise.key: exercise for lab in checks.LABS for exercise in checks.exercises(lab).values()}
ANSWERS: list = []


def answers(name):
    """Register a right answer to the exercise `name`, or `lab10.name` where several labs have one of that name."""

    def register(fn):
        key = next(key for key in EXERCISES if key == name or key.split(".")[1] == name)
        ANSWERS.append(pytest.param(key, fn, id=f"{name}-{fn.__name__}"))
        return fn

    return register


def like(t, x):
    return t.view(-1, *(1 for _ in x.shape[1:]))


@answers("euler")
def preallocated(field, x0, n):
    xs = x0.new_zeros(n + 1, *x0.shape)
    xs[0] = x0
    for i, t in enumerate(torch.linspace(0, 1, n + 1, dtype=x0.dtype)[:-1]):
        xs[i + 1] = xs[i] + field(xs[i], t) / n
    return xs


@answers("euler")
def batched_times(field, x0, n):
    xs, h = [x0.clone()], 1 / n
    while len(xs) <= n:
        t = torch.full((len(x0),), h * (len(xs) - 1), dtype=x0.dtype)
        xs += [torch.add(xs[-1], field(xs[-1], t), alpha=h)]
    return torch.cat([x.unsqueeze(0) for x in xs])


@answers("euler")
def times_in_single_precision(field, x0, n):
    xs, t = [x0], torch.tensor(0.0)
    for _ in range(n):
        xs.append(xs[-1] + field(xs[-1], t) / n)
        t = t + 1 / n
    return torch.stack(xs)


@answers("heun_step")
def predictor_and_correction(field, x, t, h):
    guess = x + h * field(x, t)
    return 0.5 * (x + guess) + 0.5 * h * field(guess, h + t)


@answers("brownian_motion")
def cumulative(eps, h):
    return torch.cat([torch.zeros_like(eps[:1]), torch.cumsum(math.sqrt(h) * eps, dim=0)])


@answers("brownian_motion")
def in_numpy(eps, h):
    w = np.concatenate([np.zeros((1, *eps.shape[1:])), np.cumsum(eps.numpy(), axis=0)])
    return torch.from_numpy(w * np.sqrt(h))


@answers("euler_maruyama_step")
def with_addcmul(sde, x, t, h, dw):
    return torch.addcmul(x + sde.drift(x, t) * h, sde.diffusion(x, t).expand_as(x), dw)


@answers("ornstein_uhlenbeck")
def a_number_as_diffusion(x, t, theta, sigma):
    return theta * (0 - x), sigma


@answers("ornstein_uhlenbeck")
def a_scalar_tensor(x, t, theta, sigma):
    return torch.mul(x, -theta), torch.tensor(sigma)


@answers("langevin_drift")
def halved_last(score, x, sigma):
    return score(x) * sigma * sigma * 0.5


@answers("cosine_schedule")
def by_autodiff(t):
    at = t.clone().requires_grad_()
    alpha, beta = torch.sin(math.pi / 2 * at), torch.cos(math.pi / 2 * at)
    (alpha_dot,) = torch.autograd.grad(alpha.sum(), at, retain_graph=True)
    (beta_dot,) = torch.autograd.grad(beta.sum(), at)
    return alpha, beta, alpha_dot, beta_dot


@answers("sample_path")
def reshaped_by_hand(schedule, z, t, noise):
    t = like(t, z)
    return schedule.alpha(t) * z + schedule.beta(t) * noise


@answers("sample_path")
def with_einsum(schedule, z, t, noise):
    return torch.einsum("b,b...->b...", schedule.alpha(t), z) + torch.einsum("b,b...->b...", schedule.beta(t), noise)


@answers("conditional_velocity")
def as_in_the_lecture(schedule, x, z, t):
    t = like(t, x)
    ratio = schedule.beta_dot(t) / schedule.beta(t)
    return (schedule.alpha_dot(t) - ratio * schedule.alpha(t)) * z + ratio * x


@answers("marginal_velocity")
def softmax_of_distances(x, t, data):
    t = t if t.ndim == 0 else t[:, None]
    squares = ((x[:, None] - like(t, x[:, None]) * data) ** 2).sum(-1)
    weights = torch.softmax(-squares / (2 * (1 - t) ** 2), dim=1)
    return (weights @ data - x) / (1 - t)


@answers("divergence")
def trace_of_jacobians(field, x, t):
    if t.ndim:
        jacobian = vmap(lambda row, at: jacrev(lambda r: field(r[None], at[None])[0])(row))(x, t)
    else:
        jacobian = vmap(jacrev(lambda row: field(row[None], t)[0]))(x)
    return jacobian.diagonal(dim1=1, dim2=2).sum(1)


@answers("divergence")
def one_coordinate_at_a_time(field, x, t):
    x = x.detach().clone().requires_grad_()
    u = field(x, t)
    return sum(torch.autograd.grad(u[:, i].sum(), x, retain_graph=True)[0][:, i] for i in range(x.shape[1]))


@answers("flow_matching_loss")
def norm_squared(model, schedule, z, t, noise):
    s = like(t, z)
    x = schedule.alpha(s) * z + schedule.beta(s) * noise
    target = schedule.alpha_dot(s) * z + schedule.beta_dot(s) * noise
    return (model(x, t) - target).flatten(1).norm(dim=1).pow(2).mean()


@answers("flow_matching_loss")
def with_mse(model, schedule, z, t, noise):
    s = like(t, z)
    x = schedule.alpha(s) * z + schedule.beta(s) * noise
    target = schedule.alpha_dot(s) * z + schedule.beta_dot(s) * noise
    return F.mse_loss(model(x, t), target, reduction="sum") / z.shape[0]


@answers("generate")
def with_a_grid(field, x0, n):
    x, ts = x0, torch.arange(n + 1, dtype=x0.dtype) / n
    with torch.no_grad():
        for start, end in zip(ts[:-1], ts[1:], strict=True):
            x = x + (end - start) * field(x, start)
    return x


@answers("gaussian_velocity")
def from_the_growth_of_the_variance(x, t, variance):
    s = like(t, x).clone().requires_grad_()
    spread = s**2 * variance + (1 - s) ** 2
    (growth,) = torch.autograd.grad(spread.sum(), s)
    return growth / (2 * spread.detach()) * x


@answers("gaussian_velocity")
def from_noise_and_data(x, t, variance):
    s = like(t, x)
    spread = (1 - s).square() + s.square() * variance
    return s * variance / spread * x - (1 - s) / spread * x


@answers("linear_path")
def with_lerp(x0, z, t):
    return torch.lerp(x0, z, like(t, x0).expand_as(x0)), z - x0


@answers("conditional_score")
def through_the_noise(schedule, x, z, t):
    t = like(t, x)
    noise = (x - schedule.alpha(t) * z) / schedule.beta(t)
    return -noise / schedule.beta(t)


@answers("score_matching_loss")
def against_the_conditional_score(model, schedule, z, t, noise):
    s = like(t, z)
    x = schedule.alpha(s) * z + schedule.beta(s) * noise
    return (model(x, t) + (x - schedule.alpha(s) * z) / schedule.beta(s) ** 2).square().sum() / len(z)


@answers("noise_prediction_loss")
def batched(model, schedule, z, t, noise):
    s = like(t, z)
    return F.mse_loss(model(schedule.alpha(s) * z + schedule.beta(s) * noise, t), noise, reduction="sum") / len(z)


@answers("extended_drift")
def in_one_line(velocity, score, x, t, sigma):
    return velocity(x, t) + 0.5 * sigma.square() * score(x, t)


@answers("fourier_features")
def outer_product(t, frequencies):
    angle = torch.outer(t, 2 * math.pi * frequencies)
    return torch.hstack([torch.cos(angle), torch.sin(angle)])


@answers("residual_block")
def slices_instead_of_chunks(block, x, embedding):
    s = block.modulation(torch.sigmoid(embedding) * embedding)
    channels = x.shape[1]
    scale, shift = s[:, :channels, None, None], s[:, channels:, None, None]
    h = block.conv1(block.norm(x) * scale + block.norm(x) + shift)
    return x + block.conv2(h * torch.sigmoid(h))


@answers("drop_labels")
def masked(y, u, p, null):
    out = y.clone()
    out[u < p] = null
    return out


@answers("guided_velocity")
def one_call_for_both(model, x, t, y, w, null):
    times = t.expand(len(x)).repeat(2)
    both = model(torch.cat([x, x]), times, torch.cat([y, torch.full_like(y, null)]))
    conditional, unconditional = both.chunk(2)
    return unconditional + w * (conditional - unconditional)


@answers("gaussian_frechet_distance")
def by_eigenvalues_of_the_product(mean_a, cov_a, mean_b, cov_b):
    roots = torch.linalg.eigvals(cov_a @ cov_b).real.clamp(min=0).sqrt()
    return (mean_a - mean_b).square().sum() + torch.trace(cov_a + cov_b) - 2 * roots.sum()


@answers("train")
def with_a_comprehension(model, loss_fn, batches, optimizer):
    def step(batch):
        loss = loss_fn(model, *batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach().item()

    return [step(batch) for batch in batches]


@answers("from_velocity")
def solved_by_hand(schedule, velocity, x, t):
    t = like(t, x)
    alpha, beta = schedule.alpha(t), schedule.beta(t)
    alpha_dot, beta_dot = schedule.alpha_dot(t), schedule.beta_dot(t)
    determinant = alpha_dot * beta - alpha * beta_dot
    noise = (alpha_dot / determinant) * x - (alpha / determinant) * velocity
    return beta / determinant * velocity - beta_dot / determinant * x, noise, -noise / beta


@answers("bridge_source")
def with_kronecker(z, noise, s):
    return torch.kron(F.avg_pool2d(z, 4), torch.ones(4, 4, dtype=z.dtype)) + s * noise


@answers("variance_preserving")
def with_expm1(t, b_min, b_max):
    log_alpha = -((1 - t) / 2) * ((1 - t) / 2 * (b_max - b_min) + b_min)
    return log_alpha.exp(), (-torch.expm1(2 * log_alpha)).sqrt()


@answers("ddim_step")
def noise_first(z_hat, x, t, t_next, schedule):
    noise = (x - schedule.alpha(t) * z_hat) / schedule.beta(t)
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * noise


@answers("log_likelihood")
def on_a_reversed_grid(field, divergence, x1, n):
    x, total = x1, 0
    for t in torch.linspace(1, 0, n + 1, dtype=x1.dtype)[:-1]:
        total = total + divergence(field, x, t) / n
        x = x - field(x, t) / n
    prior = torch.distributions.MultivariateNormal(torch.zeros_like(x[0]), torch.eye(x.shape[1], dtype=x.dtype))
    return prior.log_prob(x) - total


@answers("euler")
def in_place_of_a_copy(field, x0, n):
    x, xs = x0.clone(), [x0]
    for t in np.arange(n) / n:
        x += field(x, float(t)) / n
        xs.append(x.clone())
    return torch.stack(xs)


@answers("brownian_motion")
def by_a_triangular_matrix(eps, h):
    below = torch.ones(len(eps) + 1, len(eps), dtype=eps.dtype).tril(-1)
    return h**0.5 * torch.einsum("kn,n...->k...", below, eps)


@answers("cosine_schedule")
def by_a_complex_exponential(t):
    turn = torch.exp(0.5j * math.pi * t)
    return turn.imag, turn.real, math.pi / 2 * turn.real, -math.pi / 2 * turn.imag


@answers("sample_path")
def batch_last(schedule, z, t, noise):
    return (z.transpose(0, -1) * schedule.alpha(t) + noise.transpose(0, -1) * schedule.beta(t)).transpose(0, -1)


@answers("sample_path")
def points_or_images(schedule, z, t, noise):
    t = t[:, None] if z.ndim == 2 else t[:, None, None, None]
    return schedule.alpha(t) * z + schedule.beta(t) * noise


@answers("marginal_velocity")
def by_distances(x, t, data):
    weights = (-(torch.cdist(x, t * data) ** 2) / (2 * (1 - t) ** 2)).softmax(1)
    return torch.einsum("bn,nd->bd", weights, data).sub(x) / (1 - t)


@answers("divergence")
def forward_mode(field, x, t):
    total = 0
    for i in range(x.shape[1]):
        along = torch.zeros_like(x)
        along[:, i] = 1
        total = total + torch.func.jvp(lambda y: field(y, t), (x,), (along,))[1][:, i]
    return total


@answers("divergence")
def with_backward_on_a_copy(field, x, t):
    x, terms = x.detach().clone().requires_grad_(), []
    u = field(x, t)
    for i in range(x.shape[1]):
        x.grad = None
        u[:, i].sum().backward(retain_graph=True)
        terms.append(x.grad[:, i].clone())
    return torch.stack(terms).sum(0)


@answers("train")
def zeroed_last(model, loss_fn, batches, optimizer):
    model.train()
    losses = ()
    for batch in iter(batches):
        loss = loss_fn(model, *batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses = (*losses, float(loss.detach()))
    return losses


@answers("train")
def with_a_closure(model, loss_fn, batches, optimizer):
    def closure(batch):
        optimizer.zero_grad()
        loss = loss_fn(model, *batch)
        loss.backward()
        return loss

    return [optimizer.step(lambda batch=batch: closure(batch)).item() for batch in batches]


@answers("generate")
def recursive(field, x0, n):
    @torch.no_grad()
    def from_step(i, x):
        return x if i == n else from_step(i + 1, x + field(x, torch.full((len(x),), i / n, dtype=x.dtype)) / n)

    return from_step(0, x0)


def test_every_exercise_has_an_answer_in_another_style():
    assert {p.values[0] for p in ANSWERS} == set(EXERCISES)


@answers("kl_to_normal")
def by_distributions(mean, log_var):
    q = torch.distributions.Normal(mean, torch.exp(log_var / 2))
    p = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    return torch.distributions.kl_divergence(q, p).sum(tuple(range(1, mean.ndim)))


@answers("vae_loss")
def by_softplus(model, x, noise, weight):
    mean, log_var = model.encode(x)
    logits = model.decode(torch.addcmul(mean, log_var.mul(0.5).exp(), noise))
    entropy = (F.softplus(logits) - (1 + x) / 2 * logits).sum()
    divergence = (mean.square() + log_var.expm1() - log_var).sum() / 2
    return (entropy + weight * divergence) / len(x)


@answers("linear_bound")
def with_constants_in_single_precision(x, mean, log_var, W, b, s):
    squares = (x - mean @ W.T - b).pow(2).sum(1) + (log_var.exp()[:, None] * W**2).sum((1, 2))
    constant = torch.log(torch.tensor(2 * math.pi * s**2)) * len(b) / 2
    return -squares / 2 / s**2 - constant - 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1)


@answers("unscale")
def by_matrices(velocity, score, mean, scale, h, t):
    x = torch.linalg.solve(torch.diag(scale), (h - mean).T).T
    return velocity(x, t) @ torch.diag(scale), score(x, t) @ torch.diag(1 / scale)


@answers("unscale")
def one_function_for_both(velocity, score, mean, scale, h, t):
    def asked(field, power):
        return field((h - mean[None]).div(scale[None]), t) * scale.expand_as(h) ** power

    return asked(velocity, 1), asked(score, -1)


@answers("patchify")
def unfolded(x, p):
    return F.unfold(x, p, stride=p).transpose(1, 2)


@answers("attention")
def with_a_root_in_single_precision(q, k, v):
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / torch.sqrt(torch.tensor(q.shape[-1]))
    return torch.einsum("bhqk,bhke->bhqe", torch.softmax(scores, dim=3), v)


@answers("attention")
def by_torchs_own(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


@answers("dit_block")
def half_by_half(block, x, embedding):
    parts = block.modulation(F.silu(embedding)).reshape(len(x), 2, 3, 1, -1)
    for i, layer in enumerate((block.attention, block.mlp)):
        scale, shift, gate = parts[:, i].unbind(1)
        normed = block.norm(x)
        x = x + gate * layer(normed + scale * normed + shift)
    return x


@answers("rate_matrix")
def sums_of_whole_rows(rates):
    return rates - torch.diag(rates.sum(dim=1))


@answers("rate_matrix")
def filled_in_place_on_a_copy(rates):
    Q = rates.clone().fill_diagonal_(0)
    Q[range(len(Q)), range(len(Q))] = -Q.sum(1)
    return Q


@answers("rate_matrix")
def with_a_mask(rates):
    same = torch.eye(len(rates), dtype=torch.bool)
    jumps = rates.masked_fill(same, 0.0)
    return torch.where(same, -jumps @ torch.ones_like(jumps), jumps)


@answers("rate_matrix")
def in_numpy_rows(rates):
    Q = rates.numpy().copy()
    np.fill_diagonal(Q, 0.0)
    np.fill_diagonal(Q, -Q.sum(axis=1))
    return torch.from_numpy(Q)


@answers("jump")
def with_a_loop(Q, x, e, u):
    waits, states = torch.empty_like(e), torch.empty_like(x)
    for b, here in enumerate(x):
        rate, below = -Q[here, here], 0.0
        waits[b] = e[b] / rate
        for y in range(len(Q)):
            if y != here:
                below += Q[here, y] / rate
                if below > u[b]:
                    states[b] = y
                    break
    return waits, states


@answers("jump")
def by_searching(Q, x, e, u):
    rates = Q - Q.diagonal().diag()
    cumulated = rates[x].cumsum(1)
    states = torch.searchsorted(cumulated, (u * cumulated[:, -1])[:, None], right=True)[:, 0]
    return e / cumulated[:, -1], states.clamp(max=len(Q) - 1)


@answers("jump")
def counted(Q, x, e, u):
    rates = F.relu(Q[x])
    shares = rates / rates.sum(1, keepdim=True)
    return -e / Q.diagonal()[x], (torch.cumsum(shares, 1) <= u.unsqueeze(1)).sum(1)


@answers("jump")
def without_the_present_state(Q, x, e, u):
    n = len(Q)
    others = torch.tensor([[y for y in range(n) if y != here] for here in range(n)])[x]
    leaving = -Q[x, x]
    shares = (Q[x].gather(1, others) / leaving[:, None]).cumsum(1)
    chosen = (shares > u[:, None]).to(torch.int8).argmax(1)
    return [e / leaving, others[torch.arange(len(x)), chosen]]


@answers("corrupt")
def chosen_in_place_on_a_copy(z, t, u, noise):
    x = z.clone()
    lost = u >= t.unsqueeze(-1)
    x[lost] = noise[lost]
    return x


@answers("corrupt")
def by_integer_products(z, t, u, noise):
    keep = (t.view(-1, 1) > u).int()
    return z * keep + noise * (1 - keep)


@answers("corrupt")
def word_by_word(z, t, u, noise):
    return torch.stack([noise[b].where(u[b] >= t[b], z[b]) for b in range(z.size(0))])


@answers("corrupt")
def by_a_mask_of_noise(z, t, u, noise):
    return z.masked_scatter(~(u - t[:, None] < 0), noise[~(u < t[:, None])])


@answers("posterior")
def in_logarithms(words, q, x, t, v):
    s = t[:, None]
    same = (x[:, None, :] == words[None]).sum(-1)
    score = q.log() + same * torch.log(s + (1 - s) / v) + (x.shape[1] - same) * torch.log((1 - s) / v)
    return torch.tensordot(score.softmax(dim=-1), F.one_hot(words, v).to(q.dtype), dims=1)


@answers("posterior")
def letter_by_letter(words, q, x, t, v):
    weights = q.expand(len(x), -1).clone()
    for i in range(x.shape[1]):
        noise = (1 - t[:, None]) / v
        weights *= noise + t[:, None] * (x[:, i : i + 1] == words[:, i])
    laws = x.new_zeros(*x.shape, v).to(q)
    for i in range(x.shape[1]):
        laws[:, i].scatter_add_(1, words[:, i].expand(len(x), -1), weights)
    return laws / weights.sum(1)[:, None, None]


@answers("posterior")
def by_ratios_of_equal_letters(words, q, x, t, v):
    gain = 1 + v * t / (1 - t)
    equal = x.unsqueeze(1).eq(words).sum(2)
    weights = q * gain[:, None] ** equal
    letters = torch.stack([(words == a).to(q) for a in range(v)], -1)
    return torch.einsum("bn,nia->bia", weights, letters) / weights.sum(1).reshape(-1, 1, 1)


@answers("posterior")
def normalised_last(words, q, x, t, v):
    table, seen, t = F.one_hot(words, v).to(q), F.one_hot(x, v).to(q), t.reshape(-1, 1, 1)
    chances = torch.lerp(torch.full_like(t, 1 / v), torch.einsum("bia,nia->bni", seen, table), t)
    law = torch.einsum("n,bn,nia->bia", q, chances.prod(-1), table)
    return law / law.sum(-1, keepdim=True)


@answers("euler_law")
def as_a_mixture(post, x, t, h):
    share = (h / (1 - t)).view(-1, 1, 1)
    return torch.lerp(F.one_hot(x, post.shape[-1]).to(post), post, share)


@answers("euler_law")
def scattered(post, x, t, h):
    share = (h / (1 - t))[:, None, None]
    stay = (1 - share).expand(-1, x.shape[1], -1)
    return (share * post).scatter_add(2, x[..., None], stay)


@answers("euler_law")
def with_rows_of_the_identity(post, x, t, h):
    here = torch.eye(post.shape[2])[x]
    return here + h * torch.einsum("b,bla->bla", 1 / (1 - t), post - here)


@answers("euler_law")
def with_a_comparison(post, x, t, h):
    here = (x.unsqueeze(2) == torch.arange(post.size(-1))).double().to(post.dtype)
    return torch.stack([a + h * (p - a) / (1 - s) for a, p, s in zip(here, post, t, strict=True)])


@answers("masked_loss")
def by_the_letters_under_masks(model, z, t, u):
    masked = u >= t[:, None]
    x = z.masked_fill(masked, model.letters)
    costs = F.cross_entropy(model(x)[masked], z[masked], reduction="none")
    return (costs / (1 - t)[:, None].expand_as(u)[masked]).sum() / len(z)


@answers("masked_loss")
def by_labels_to_leave_out(model, z, t, u):
    x = torch.where(u < t[:, None], z, torch.tensor(model.letters))
    target = torch.where(x == model.letters, z, -100)
    logits = model(x, t).transpose(1, 2)
    return torch.mean(F.cross_entropy(logits, target, reduction="none").sum(1) / (1 - t))


@answers("masked_loss")
def by_categorical(model, z, t, u):
    hidden = (u < t[:, None]).logical_not()
    x = torch.where(hidden, torch.full_like(z, model.letters), z)
    log_p = torch.distributions.Categorical(logits=model(x, t[0])).log_prob(z)
    return -(log_p * hidden / (1 - t.unsqueeze(1))).sum(1).mean(0)


@answers("masked_loss")
def word_after_word(model, z, t, u):
    total, v = 0, model(z).shape[-1]
    for word, s, coins in zip(z, t, u, strict=True):
        x = torch.where(coins < s, word, v)
        p = model(x[None], s)[0].softmax(-1)
        for i in (x == v).nonzero()[:, 0]:
            total = total - torch.log(p[i, word[i]]) / (1 - s)
    return total / z.shape[0]


@answers("unmask_law")
def in_two_loops(post, x, t, t_next, sigma):
    batch, length, v = post.shape
    law = post.new_zeros(batch, length, v + 1)
    stay = (1 - t_next - sigma * t) / (1 - t)
    for b in range(batch):
        for i in range(length):
            if x[b, i] == v:
                law[b, i, :v] = (1 - stay) * post[b, i]
                law[b, i, v] = stay
            else:
                law[b, i, x[b, i]] += 1 - sigma
                law[b, i, v] += sigma
    return law


@answers("unmask_law")
def letters_then_mask(post, x, t, t_next, sigma):
    v = post.shape[-1]
    masked = (x == v).unsqueeze(-1)
    revealed = (t_next - t + sigma * t) / (1 - t)
    here = F.one_hot(x, v + 1)[..., :v]
    letters = torch.where(masked, revealed * post, (1 - sigma) * here)
    return torch.cat([letters, 1 - letters.sum(-1, keepdim=True)], -1)


@answers("unmask_law")
def by_boolean_indices(post, x, t, t_next, sigma):
    v = post.shape[-1]
    law = F.pad(torch.zeros_like(post), (0, 1))
    masked = x == v
    share = (t_next - (1.0 - sigma) * t) / (1.0 - t)
    law[masked] = torch.cat([share * post[masked], (1 - share).expand(int(masked.sum()), 1)], 1)
    seen = F.one_hot(x[~masked], v + 1).to(law) * (1 - sigma)
    seen[:, -1] = sigma
    law[~masked] = seen
    return law


@answers("unmask_law")
def as_two_steps(post, x, t, t_next, sigma):
    v = post.shape[-1]
    tokens = torch.eye(v + 1, dtype=post.dtype)
    kept = t * (1 - sigma)  # of all letters, seen before and after
    share = (t_next - kept) / (1 - t)
    revealing = share * torch.cat([post, torch.zeros_like(post[..., :1])], -1) + (1 - share) * tokens[v]
    return torch.where((x == v)[..., None], revealing, tokens[x] + sigma * (tokens[v] - tokens[x]))


@answers("flow_map")
def as_an_affine_map(x, s, t, mean, var):
    s, t = s[:, None], t[:, None]
    slope = torch.sqrt((var * t.square() + (1 - t).square()) / (var * s.square() + (1 - s).square()))
    return torch.addcmul((t - slope * s) * mean, slope, x)


@answers("flow_map")
def state_by_state(x, s, t, mean, var):
    def one(x, s, t):
        before, after = (torch.hypot(a * var.sqrt(), 1 - a) for a in (s, t))
        return t * mean + after * ((x - s * mean) / before)

    return vmap(one)(x, s, t)


@answers("flow_map")
def in_logarithms_of_the_width(x, s, t, mean, var):
    def log_width(a):
        return torch.log(torch.outer(a**2, var) + (1 - a).pow(2).unsqueeze(1))

    centred = x - torch.outer(s, mean)
    return torch.outer(t, mean) + centred * torch.exp((log_width(t) - log_width(s)) / 2)


@answers("flow_map")
def by_covariance_matrices(x, s, t, mean, var):
    eye, cov, out = torch.eye(len(var)).to(x), torch.diag(var), []
    for row, a, b in zip(x, s, t, strict=True):
        before, after = (torch.linalg.cholesky(c**2 * cov + (1 - c) ** 2 * eye) for c in (a, b))
        out += [b * mean + after @ torch.linalg.solve(before, row - a * mean)]
    return torch.stack(out)


@answers("average_velocity_target")
def with_two_moving_arguments(u, v, x, s, t):
    _, rate = torch.func.jvp(lambda x, s: u(x, s, t), (x, s), (v, torch.ones_like(s)))
    return (v + like(t - s, x) * rate).detach()


@answers("average_velocity_target")
def backwards_twice(u, v, x, s, t):
    rate = torch.autograd.functional.jvp(u, (x, s, t), (v, torch.ones_like(s), torch.zeros_like(t)))[1]
    return v + torch.einsum("b,bd->bd", t - s, rate)


@answers("average_velocity_target")
def with_jacobians(u, v, x, s, t):
    def one(x, s, t):
        return u(x[None], s[None], t[None])[0]

    with torch.no_grad():
        by_x, by_s = (vmap(jacrev(one, k))(x, s, t) for k in (0, 1))
        return v + (t - s).unsqueeze(1) * ((by_x @ v.unsqueeze(2)).squeeze(2) + by_s)


@answers("average_velocity_target")
def coordinate_by_coordinate(u, v, x, s, t):
    x, s = x.clone().requires_grad_(), s.clone().requires_grad_()
    out, value = [], u(x, s, t)
    for i in range(x.shape[1]):
        by_x, by_s = torch.autograd.grad(value[:, i].sum(), (x, s), retain_graph=True)
        out.append((by_x * v).sum(1) + by_s)
    return (v + (t - s)[:, None] * torch.stack(out, 1)).detach()


@answers("average_velocity_target")
@torch.no_grad()
def with_dual_numbers(u, v, x, s, t):
    with torch.autograd.forward_ad.dual_level():
        answer = u(torch.autograd.forward_ad.make_dual(x, v), torch.autograd.forward_ad.make_dual(s, s * 0 + 1), t)
        return v + torch.autograd.forward_ad.unpack_dual(answer).tangent * (t - s).view(-1, 1)


@answers("average_velocity_target")
def with_the_span_in_the_tangents(u, v, x, s, t):
    with torch.no_grad():
        return v + torch.func.jvp(u, (x, s, t), ((t - s).reshape(-1, 1) * v, t - s, 0 * t))[1]


@answers("two_halves")
def by_the_way_where_there_is_one(u, x, s, t):
    half = (t - s) / 2
    middle = x + half[:, None] * u(x, s, s + half)
    end = middle + half[:, None] * u(middle, s + half, t)
    span = like(t - s, x)
    return torch.where(span > 0, (end - x) / span.where(span > 0, 1), u(x, s, t))


@answers("two_halves")
@torch.no_grad()
def in_a_loop(u, x, s, t):
    ts, found = torch.stack([s, torch.lerp(s, t, 0.5), t]), []
    for a, b in zip(ts[:-1], ts[1:], strict=True):
        found.append(u(x, a, b))
        x = torch.addcmul(x, b.sub(a).unsqueeze(-1), found[-1])
    return torch.stack(found).mean(0)


@answers("two_halves")
def one_state_at_a_time(u, x, s, t):
    rows = []
    for i in range(x.shape[0]):
        m = 0.5 * (s[i] + t[i])
        first = u(x[i : i + 1], s[i], m)
        rows.append(first / 2 + u(x[i : i + 1] + (t[i] - m) * first, m, t[i]) / 2)
    return torch.cat(rows)


@answers("held_flow_map")
def with_torch_s_mixture(x, s, t, weights, means, vars):
    a, b = s[:, None, None], t[:, None, None]
    before, after = (torch.sqrt(c**2 * vars + (1 - c) ** 2) for c in (a, b))
    laws = torch.distributions.Independent(torch.distributions.Normal(a * means, before), 1)
    shares = torch.softmax(weights.log() + laws.log_prob(x[:, None]), -1)
    return torch.einsum("bk,bkd->bd", shares, b * means + after / before * (x[:, None] - a * means))


@answers("held_flow_map")
def gaussian_after_gaussian(x, s, t, weights, means, vars):
    logs, ends = [], []
    for w, mean, var in zip(weights, means, vars, strict=True):
        scores = (x - like(s, x) * mean) / torch.hypot(like(s, x) * var.sqrt(), 1 - like(s, x))
        logs.append(
            torch.log(w) - 0.5 * scores.pow(2).sum(1) - torch.hypot(like(s, x) * var**0.5, like(1 - s, x)).log().sum(1)
        )
        ends.append(checks.lab8.flow_map.oracle(x, s, t, mean, var))
    logs = torch.stack(logs)
    shares = torch.exp(logs - logs.logsumexp(0))
    return (shares.unsqueeze(-1) * torch.stack(ends)).sum(0)


@answers("held_flow_map")
def with_the_largest_taken_off(x, s, t, weights, means, vars):
    at = s.view(-1, 1, 1)
    width = torch.addcmul((1 - at) ** 2, at**2, vars)
    exponent = -((x.unsqueeze(1) - at * means) ** 2 / (2 * width)).sum(-1) - width.sqrt().log().sum(-1)
    likelihood = weights * (exponent - exponent.max(1, keepdim=True).values).exp()
    shares = likelihood / likelihood.sum(1, keepdim=True)
    out = torch.zeros_like(x)
    for k in range(len(weights)):
        out += shares[:, k : k + 1] * checks.lab8.flow_map.oracle(x, s, t, means[k], vars[k])
    return out


@answers("held_flow_map")
def as_one_affine_map_a_state(x, s, t, weights, means, vars):
    def one(x, s, t):
        width = s**2 * vars + (1 - s) ** 2
        stretch = ((t**2 * vars + (1 - t) ** 2) / width) ** 0.5
        logs = weights.log() - ((x - s * means) ** 2 / width + width.log()).sum(1) / 2
        shares = logs.softmax(0)
        return (shares @ stretch) * x + shares @ (means * (t - s * stretch))

    return torch.stack([one(*row) for row in zip(x, s, t, strict=True)])


@answers("tilted_mixture")
def component_after_component(weights, means, covs, a, lam):
    logs, shifted = [], []
    for w, mean, cov in zip(weights, means, covs, strict=True):
        shift = cov.matmul(a) / lam
        shifted.append(mean + shift)
        logs.append(torch.log(w) + torch.dot(a, mean) / lam + 0.5 * torch.dot(a, shift) / lam)
    logs = torch.stack(logs)
    return torch.exp(logs - torch.logsumexp(logs, 0)), torch.stack(shifted)


@answers("tilted_mixture")
def by_einsum(weights, means, covs, a, lam):
    b = a / lam
    gain = torch.einsum("kd,d->k", means, b) + torch.einsum("i,kij,j->k", b, covs, b) / 2
    gain = gain - (gain + weights.log()).max()
    unnormalised = weights * gain.exp()
    return unnormalised / unnormalised.sum(), means + torch.einsum("kij,j->ki", covs, b)


@answers("tilted_mixture")
def halfway_to_the_new_means(weights, means, covs, a, lam):
    moved = means + (covs * (a / lam)).sum(-1)
    return F.softmax(weights.log() + ((means + moved) / 2 * a).sum(1) / lam, dim=0), moved


@answers("tilted_mixture")
def mixture_in_numpy(weights, means, covs, a, lam):
    w, mu, c, b = weights.numpy(), means.numpy(), covs.numpy(), a.numpy() / lam
    logs = np.log(w) + mu @ b + np.array([b @ one @ b for one in c]) / 2
    w = np.exp(logs - np.logaddexp.reduce(logs))
    return torch.from_numpy(w).to(weights), torch.from_numpy(mu + c @ b).to(means)


@answers("plug_in_guidance")
def pull_back(field, reward, x, t, lam):
    u, back = torch.func.vjp(lambda x: field(x, t), x)
    slope = torch.func.grad(lambda z: reward(z).sum())(x + (1 - t) * u)
    return u + (1 - t) / t * (slope + (1 - t) * back(slope)[0]) / lam


@answers("plug_in_guidance")
def by_backward(field, reward, x, t, lam):
    x = x.clone().requires_grad_(True)
    u = field(x, t)
    value = reward(torch.lerp(x, x + u, 1 - t)) / lam
    value.backward(torch.ones_like(value))
    return (u + (1 / t - 1) * x.grad).detach()


@answers("plug_in_guidance")
def state_after_state(field, reward, x, t, lam):
    def value(state):
        return reward((state + (1 - t) * field(state[None], t)[0])[None])[0] / lam

    slopes = torch.stack([torch.func.grad(value)(state) for state in x])
    return field(x, t) + slopes * (1 - t) / t


@answers("plug_in_guidance")
def by_value_and_gradient(field, reward, x, t, lam):
    def value(x):
        u = field(x, t)
        return reward(x + u - t * u).sum(), u

    slope, u = torch.func.grad(value, has_aux=True)(x)
    return torch.addcmul(u, (1 - t) / (lam * t), slope)


@answers("plug_in_guidance")
def gradient_still_attached(field, reward, x, t, lam):
    x = x.detach().requires_grad_()
    z = x + (1 - t) * field(x, t)
    (slope,) = torch.autograd.grad(reward(z).sum(), x, create_graph=True)
    return field(x, t) + (1 - t) * slope / (t * lam)


@answers("resample")
def running_sum(log_weights, u):
    weights = torch.softmax(log_weights, 0).tolist()
    indices, k, end = [], 0, weights[0]
    for i in range(len(weights)):
        while end <= (i + u) / len(weights) and k < len(weights) - 1:
            k += 1
            end += weights[k]
        indices.append(k)
    return torch.tensor(indices)


@answers("resample")
def indices_by_numpy(log_weights, u):
    n = len(log_weights)
    weights = np.exp(log_weights.numpy() - log_weights.max().item())
    ends = np.cumsum(weights / weights.sum())
    ends[-1] = 1.0
    return torch.from_numpy(np.searchsorted(ends, (np.arange(n) + u.item()) / n))


@answers("resample")
def counted_ends(log_weights, u):
    n = log_weights.numel()
    ends = (log_weights - log_weights.logsumexp(0)).exp().cumsum(0)
    points = torch.arange(n).add(u).div(n)
    return (points.unsqueeze(1) >= ends[:-1]).sum(1)


@answers("resample")
def numbers_repeated(log_weights, u):
    n = len(log_weights)
    ends = n * log_weights.softmax(0).cumsum(0)
    ends[-1] = n
    below = torch.ceil(ends - u).long().clamp(0, n)
    return torch.repeat_interleave(torch.arange(n), torch.diff(below, prepend=torch.zeros(1, dtype=torch.long)))


@answers("resample")
def by_bucketize(log_weights, u):
    ends = log_weights.softmax(0).cumsum(0)
    points = torch.linspace(0, 1, len(ends) + 1, dtype=ends.dtype)[:-1] + u / len(ends)
    return torch.bucketize(points, ends, right=True).clamp_max(len(ends) - 1).to(torch.int64)


@answers("log_weight")
def by_two_normal_laws(v_old, v_new, x_new, free, guided, var):
    def log_density(mean):
        law = torch.distributions.Independent(torch.distributions.Normal(mean, math.sqrt(var)), 1)
        return law.log_prob(x_new)

    return v_new + log_density(free) - v_old - log_density(guided)


@answers("log_weight")
def by_the_push(v_old, v_new, x_new, free, guided, var):
    push, noise = guided - free, x_new - guided
    return v_new - v_old - ((push * noise).sum(-1) + (push**2).sum(-1) / 2) / var


@answers("log_weight")
def from_the_middle(v_old, v_new, x_new, free, guided, var):
    middle = (free + guided) / 2
    return v_new - v_old + torch.einsum("nd,nd->n", free - guided, x_new - middle) / var


@answers("log_weight")
def particle_by_particle(v_old, v_new, x_new, free, guided, var):
    result = torch.empty_like(v_new)
    for i in range(len(x_new)):
        law = torch.distributions.MultivariateNormal(free[i], var * torch.eye(x_new.shape[1], dtype=x_new.dtype))
        pushed = torch.distributions.MultivariateNormal(guided[i], law.covariance_matrix)
        result[i] = (v_new[i] - v_old[i]) + (law.log_prob(x_new[i]) - pushed.log_prob(x_new[i]))
    return result


@answers("log_weight")
def with_norms_and_constants(v_old, v_new, x_new, free, guided, var):
    constant = x_new.shape[1] / 2 * math.log(2 * math.pi * var)
    laws = [-(torch.linalg.vector_norm(x_new - mean, dim=1) ** 2) / (2 * var) - constant for mean in (free, guided)]
    return v_new - v_old + laws[0] - laws[1]


@answers("windows")
def windows_unfolded(states, actions, H):
    plans = actions.unfold(0, H, 1).permute(1, 0, 3, 2).flatten(2)
    return states[: len(plans[0])].transpose(0, 1).flatten(0, 1), plans.flatten(0, 1)


@answers("windows")
def shifted_and_stacked(states, actions, H):
    n, d, m = len(actions) - H + 1, states.shape[-1], actions.shape[-1]
    plans = torch.stack([actions[j : j + n] for j in range(H)], dim=2)
    return states[:n].swapaxes(0, 1).reshape(-1, d), plans.swapaxes(0, 1).reshape(-1, H * m)


@answers("windows")
def by_a_table_of_indices(states, actions, H):
    starts = torch.arange(len(actions) - H + 1)
    plans = actions[starts[:, None] + torch.arange(H)]
    return states[starts].movedim(1, 0).flatten(0, 1), plans.movedim(2, 0).flatten(0, 1).flatten(1)


@answers("windows")
def filled_in_by_hand(states, actions, H):
    n, batch, m = actions.shape
    count = n - H + 1
    observations, plans = torch.zeros(batch * count, states.shape[2]), torch.zeros(batch * count, H * m)
    for w in range(batch * count):
        b, i = divmod(w, count)
        observations[w] = states[i, b]
        for j in range(H):
            plans[w, j * m : (j + 1) * m] = actions[i + j, b]
    return observations, plans


@answers("windows")
def sliding_windows_of_numpy(states, actions, H):
    moved = actions.numpy().transpose(1, 0, 2)
    plans = np.lib.stride_tricks.sliding_window_view(moved, H, axis=1).transpose(0, 1, 3, 2)
    plans = plans.reshape(-1, H * actions.shape[2])
    seen = states.numpy()[: len(actions) - H + 1].transpose(1, 0, 2).reshape(-1, states.shape[2])
    return torch.from_numpy(seen.copy()), torch.from_numpy(plans.copy())


@answers("receding_horizon")
def step_after_step(plan, step, x, k, n):
    xs = [x]
    for i in range(n):
        if i % k == 0:
            actions = plan(x)
        x = step(x, actions[:, i % k])
        xs.append(x)
    return torch.stack(xs)


@answers("receding_horizon")
def a_queue_of_actions(plan, step, x, k, n):
    xs, queue = x.new_empty(n + 1, *x.shape), []
    xs[0] = x
    for i in range(1, n + 1):
        if not queue:
            queue = list(plan(xs[i - 1]).unbind(1))[:k]
        xs[i] = step(xs[i - 1], queue.pop(0))
    return xs


@answers("receding_horizon")
def round_after_round(plan, step, x, k, n):
    xs, left = [x.clone()], n
    while left > 0:
        chunk = plan(xs[-1])
        for j in range(min(k, left)):
            xs.append(step(xs[-1], chunk[:, j, :]))
        left -= k
    return torch.cat([state[None] for state in xs])


@answers("receding_horizon")
def by_recursion(plan, step, x, k, n):
    if n <= 0:
        return x.unsqueeze(0)
    actions, xs = plan(x), [x]
    for j in range(min(k, n)):
        xs.append(step(xs[j], actions[:, j]))
    rest = by_recursion(plan, step, xs[-1], k, n - k)
    return torch.cat([torch.stack(xs[:-1]), rest])


@answers("receding_horizon")
def asked_each_time_and_rarely_used(plan, step, x, k, n):
    xs, kept = [x], None
    for i in range(n):
        fresh = plan(xs[i])
        kept = fresh if i % k == 0 else kept
        xs.append(step(xs[i], kept.movedim(1, 0)[i - i // k * k]))
    return torch.stack(xs, dim=0)


@answers("lab10.guided_velocity")
def guided_by_pull_back(field, reward, x, t, scale):
    s = t.unsqueeze(1)
    u, back = torch.func.vjp(lambda x: field(x, t), x)
    slope = torch.func.grad(lambda z: reward(z).sum())(x + (1 - s) * u)
    return u + scale * (1 - s) / s * (slope + back((1 - s) * slope)[0])


@answers("lab10.guided_velocity")
def guided_by_autograd(field, reward, x, t, scale):
    s = t[:, None]
    x = x.detach().requires_grad_()
    u = field(x, t)
    (slope,) = torch.autograd.grad(reward(x + (1 - s) * u).sum(), x)
    return u.detach() + scale * (1 / s - 1) * slope


@answers("lab10.guided_velocity")
def guided_by_backward(field, reward, x, t, scale):
    at = x.clone().requires_grad_(True)
    end = torch.lerp(at, at + field(at, t), (1 - t)[:, None])
    value = scale * reward(end)
    value.backward(torch.ones_like(value))
    return torch.addcmul(field(x, t), ((1 - t) / t).view(-1, 1), at.grad)


@answers("lab10.guided_velocity")
def guided_one_by_one(field, reward, x, t, scale):
    def value(state, time):
        u = field(state[None], time)[0]
        return reward((state + u - time * u)[None])[0]

    slopes = torch.stack([torch.func.grad(value)(*pair) for pair in zip(x, t, strict=True)])
    return field(x, t) + slopes * (scale * (1 - t) / t)[:, None]


@answers("lab10.guided_velocity")
def guided_by_a_jacobian(field, reward, x, t, scale):
    s = t.reshape(-1, 1)
    u = field(x, t)
    z = (x + (1 - s) * u).requires_grad_()
    slope = torch.autograd.grad(reward(z).sum(), z)[0]
    rows = [jacrev(lambda y, i=i: field(y[None], t[i])[0])(x[i]).T @ slope[i] for i in range(len(x))]
    return u + scale * (1 - s) / s * (slope + (1 - s) * torch.stack(rows))


@answers("conditioned")
def by_the_inverse_of_a_block(mean, cov, known, values):
    rest = ~known
    gain = cov[rest][:, known] @ torch.linalg.inv(cov[known][:, known])
    return mean[rest] + gain @ (values - mean[known]), cov[rest][:, rest] - gain @ cov[known][:, rest]


@answers("conditioned")
def by_solving(mean, cov, known, values):
    k, u = known.nonzero().squeeze(1), (~known).nonzero().squeeze(1)
    right = torch.cat([(values - mean[k])[:, None], cov[k[:, None], u]], 1)
    found = cov[u[:, None], k] @ torch.linalg.solve(cov[k[:, None], k], right)
    return mean[u] + found[:, 0], cov[u[:, None], u] - found[:, 1:]


@answers("conditioned")
def by_cholesky(mean, cov, known, values):
    order = torch.cat([known.nonzero()[:, 0], (~known).nonzero()[:, 0]])
    k = int(known.sum())
    root = torch.linalg.cholesky(cov[order][:, order])
    noise = torch.linalg.solve_triangular(root[:k, :k], (values - mean[known])[:, None], upper=False)
    return mean[~known] + (root[k:, :k] @ noise)[:, 0], root[k:, k:] @ root[k:, k:].T


@answers("conditioned")
def one_value_after_another(mean, cov, known, values):
    mean, cov = mean.clone(), cov.clone()
    for i, value in zip(known.nonzero()[:, 0].tolist(), values, strict=True):
        column = cov[:, i].clone()
        mean = mean + column * (value - mean[i]) / column[i]
        cov = cov - torch.outer(column, column) / column[i]
    return mean[~known], cov[~known][:, ~known]


@answers("conditioned")
def conditioned_in_numpy(mean, cov, known, values):
    k, m, c = known.numpy(), mean.numpy(), cov.numpy()
    gain = np.linalg.solve(c[np.ix_(k, k)], c[np.ix_(k, ~k)]).T
    spread = c[np.ix_(~k, ~k)] - gain @ c[np.ix_(k, ~k)]
    return torch.from_numpy(m[~k] + gain @ (values.numpy() - m[k])), torch.from_numpy(spread)


@pytest.mark.parametrize("key, fn", ANSWERS)
def test_a_right_answer_in_another_style_passes(key, fn, capsys):
    EXERCISES[key].check(fn)
    assert "right ✓" in capsys.readouterr().out
