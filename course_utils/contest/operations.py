"""The operations of torch that an entry of the contest may do, by what they cost."""

__all__ = ["FREE", "KNOWN", "RANDOM", "SQUARES"]

FREE = frozenset(
    """alias as_strided detach diagonal expand expand_as lift_fresh lift movedim narrow permute reshape select slice
    split split_with_sizes squeeze t transpose unbind unfold unsqueeze view view_as _reshape_alias _unsafe_view empty
    empty_like empty_strided new_empty new_empty_strided """.split()
)
"""Views and empty tensors: nothing is computed."""

RANDOM = frozenset(
    "rand randn randint randperm normal uniform exponential bernoulli multinomial random log_normal cauchy geometric "
    "rand_like randn_like randint_like poisson binomial native_dropout".split()
)
"""Chance."""

SQUARES = frozenset(
    "linalg_cholesky_ex _linalg_eigh linalg_inv_ex _linalg_solve_ex linalg_solve_triangular linalg_lu_factor_ex "
    "linalg_lu_solve linalg_qr _linalg_svd _linalg_det _linalg_slogdet cholesky_solve cholesky_inverse cholesky "
    "_cdist_forward linalg_ldl_factor_ex triangular_solve".split()
)
"""Each number of the largest tensor costs as much as a row has numbers."""

POINTWISE = frozenset(
    """abs acos acosh add addcdiv addcmul angle arange asin asinh atan atan2 atanh bitwise_and bitwise_not
    bitwise_or bitwise_xor bucketize cat ceil celu clamp clamp_max clamp_min clone complex constant_pad_nd copy copysign
    cos cosh cumprod cumsum digamma div elu eq erf erfc erfinv exp exp2 expm1 eye fill flip floor floor_divide
    fmax fmin fmod frac full full_like gather ge gelu glu gt hardsigmoid hardswish hardtanh heaviside hypot index
    index_add index_copy index_fill index_put index_select isfinite isinf isnan isneginf isposinf leaky_relu le lerp
    lgamma linspace log log10 log1p log2 log_sigmoid_forward logaddexp logical_and logical_not logical_or logical_xor
    logit logspace lt masked_fill masked_scatter masked_select maximum minimum mish mul mvlgamma nan_to_num ne neg
    new_full new_ones new_zeros nonzero ones ones_like pixel_shuffle pixel_unshuffle polygamma pow reciprocal
    reflection_pad2d relu remainder repeat repeat_interleave replication_pad2d roll rot90 round rsqrt rsub scalar_tensor
    scatter scatter_add scatter_reduce searchsorted sgn sigmoid sign silu sin sinc sinh slice_scatter select_scatter
    softplus special_entr special_erfcx special_log_ndtr special_ndtr special_ndtri sqrt square stack sub tan tanh
    threshold tril tril_indices triu triu_indices trunc where xlogy zero zeros zeros_like
    _to_copy _softmax _log_softmax embedding im2col col2im
    grid_sampler_2d upsample_bilinear2d upsample_nearest2d upsample_bicubic2d channel_shuffle""".split()
)
"""A number out of each number, or a number moved."""

GATHERED = frozenset(
    """all amax amin aminmax any argmax argmin avg_pool2d bincount cummax cummin count_nonzero dot histc kthvalue
    linalg_vector_norm logcumsumexp logsumexp max max_pool2d_with_indices mean median min mode mv native_batch_norm
    native_group_norm native_layer_norm norm prod sort std std_mean sum topk trace unique_consecutive unique_dim
    _unique2 var var_mean vdot _adaptive_avg_pool2d _native_batch_norm_legit _native_batch_norm_legit_no_training cross
    linalg_cross addmv addr outer""".split()
)
"""One number out of many."""

BACKWARD = frozenset(
    """gelu_backward native_group_norm_backward native_layer_norm_backward sigmoid_backward silu_backward
    tanh_backward threshold_backward _softmax_backward_data _log_softmax_backward_data embedding_dense_backward
    elu_backward leaky_relu_backward avg_pool2d_backward max_pool2d_with_indices_backward slice_backward
    select_backward value_selecting_reduction_backward index_backward hardtanh_backward softplus_backward
    mish_backward""".split()
)
"""Gradients, for guidance by a reward."""

KNOWN = FREE | RANDOM | SQUARES | POINTWISE | GATHERED | BACKWARD
"""All of them, with those of which torch itself knows the work (`torch.utils.flop_counter`): products, convolutions."""
