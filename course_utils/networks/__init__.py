r"""Networks. Every model is called `model(x, t, y=None)` and returns the shape of x; t has shape () or (batch,).
Models of letters return logits, shape (batch, length, letters).

Labels are integers 0..num_classes-1; the null label `num_classes` stands for "no label", and y=None means it. A
`FlowMap` has two times: `model(x, s, t, y=None)`. In the place of a label a `Policy` has an observation:
`model(x, t, o)`.
"""

from course_utils.networks.autoencoder import Autoencoder
from course_utils.networks.base import Network
from course_utils.networks.chain import ChainConv
from course_utils.networks.embedding import TIME_FREQUENCIES, Embedding, FourierFeatures, fourier_features
from course_utils.networks.flow_map import FlowMap
from course_utils.networks.lenet import Classifier
from course_utils.networks.letters import LetterMLP, LogitSum, OwnLetter
from course_utils.networks.mlp import MLP
from course_utils.networks.patches import attention, attention_weights, patchify, unpatchify, waves_of_places
from course_utils.networks.policy import PeriodicMLP, Policy, RotationMLP
from course_utils.networks.residual import Residual, ResidualScale
from course_utils.networks.transformer import SelfAttention, Transformer, TransformerBlock
from course_utils.networks.unet import ResidualBlock, UNet

__all__ = [
    "MLP",
    "TIME_FREQUENCIES",
    "Autoencoder",
    "ChainConv",
    "Classifier",
    "Embedding",
    "FlowMap",
    "FourierFeatures",
    "LetterMLP",
    "LogitSum",
    "OwnLetter",
    "Network",
    "PeriodicMLP",
    "Policy",
    "Residual",
    "ResidualBlock",
    "ResidualScale",
    "RotationMLP",
    "SelfAttention",
    "Transformer",
    "TransformerBlock",
    "UNet",
    "attention",
    "attention_weights",
    "fourier_features",
    "patchify",
    "unpatchify",
    "waves_of_places",
]
