"""Lab 6: latent space and transformers. Exercises 6.1 to 6.8."""

from course_utils.checks.lab6.attention import attention
from course_utils.checks.lab6.dit_block import dit_block
from course_utils.checks.lab6.kl_to_normal import kl_to_normal
from course_utils.checks.lab6.linear_bound import linear_bound
from course_utils.checks.lab6.patchify import patchify
from course_utils.checks.lab6.unscale import unscale
from course_utils.checks.lab6.vae_loss import vae_loss
from course_utils.checks.lab6.what_is_wrong import what_is_wrong

__all__ = ["attention", "dit_block", "kl_to_normal", "linear_bound", "patchify", "unscale", "vae_loss", "what_is_wrong"]
