//! The CPU backend: fused overrides for `f32`, default bodies for everything else.

#![cfg(feature = "flex")]

mod kl;
mod sample;
mod softplus;
mod tensor;

use crate::geometry::Epilogue;
use crate::layout::ChannelLayout;
use crate::noise::Draws;
use burn::backend::{Flex, flex::FlexTensor};

impl crate::VariationalOps for Flex {
    fn sample_normal(loc: FlexTensor, untransformed_scale: FlexTensor, draws: Draws) -> FlexTensor {
        sample::sample_normal(loc, untransformed_scale, draws)
    }

    fn sample_normal_backward(
        untransformed_scale: FlexTensor,
        grad: FlexTensor,
        draws: Draws,
    ) -> (FlexTensor, FlexTensor) {
        sample::sample_normal_backward(untransformed_scale, grad, draws)
    }

    fn kl_normal(
        loc: FlexTensor,
        untransformed_scale: FlexTensor,
        prior_loc: FlexTensor,
        prior_scale: FlexTensor,
    ) -> FlexTensor {
        kl::kl_normal(loc, untransformed_scale, prior_loc, prior_scale)
    }

    fn kl_normal_backward(
        loc: FlexTensor,
        untransformed_scale: FlexTensor,
        prior_loc: FlexTensor,
        prior_scale: FlexTensor,
        grad: FlexTensor,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        kl::kl_normal_backward(loc, untransformed_scale, prior_loc, prior_scale, grad)
    }
}
