//! The products of grouped convolutions, as products of more and smaller matrices.
//!
//! Groups take the place that samples have in [`product`]: each has its own rows and its own kernel. If rows are
//! shared by all samples, the samples' filters stand side by side in one wider kernel, else samples multiply the
//! groups. With T separate and R riding samples, `T R = S` and one of them 1:
//!
//! | | as given | as multiplied |
//! | --- | --- | --- |
//! | volume | `[T N, d, h, w, C]` | `[G T N, d, h, w, C / G]` |
//! | kernel | `[S, K C / G, F]` | `[G T, K C / G, R F / G]` |
//! | output | `[S n, F]` | `[G T n, R F / G]` |
//!
//! With one group all of these are what they were, and nothing is copied.

use super::product;
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// How samples and groups are arranged.
#[derive(Clone, Copy)]
pub struct Groups {
    count: usize,
    samples: usize,
    shared: bool,
}

impl Groups {
    /// S samples of G groups, whose rows are `shared` by all samples or not.
    #[must_use]
    pub fn new(groups: usize, samples: usize, shared: bool) -> Self {
        Self { count: groups, samples, shared }
    }

    /// Samples with rows of their own, and samples that read the same rows.
    fn separate_and_riding(self) -> [usize; 2] {
        if self.shared { [1, self.samples] } else { [self.samples, 1] }
    }

    /// `[batch, d, h, w, C] -> [G batch, d, h, w, C / G]`.
    pub fn split_channels<B: Backend>(self, volume: FloatTensor<B>) -> FloatTensor<B> {
        if self.count == 1 {
            return volume;
        }
        let [batch, d, h, w, channels] = volume.shape().dims();
        let (places, width) = (d * h * w, channels / self.count);
        let volume = B::float_reshape(volume, Shape::from([batch, places, self.count, width]));
        let volume = B::float_permute(volume, &[2, 0, 1, 3]);
        B::float_reshape(volume, Shape::from([self.count * batch, d, h, w, width]))
    }

    /// The inverse of [`split_channels`](Self::split_channels).
    pub fn merge_channels<B: Backend>(self, volume: FloatTensor<B>) -> FloatTensor<B> {
        if self.count == 1 {
            return volume;
        }
        let [batch, d, h, w, width] = volume.shape().dims();
        let batch = batch / self.count;
        let volume = B::float_reshape(volume, Shape::from([self.count, batch, d * h * w, width]));
        let volume = B::float_permute(volume, &[1, 2, 0, 3]);
        B::float_reshape(volume, Shape::from([batch, d, h, w, self.count * width]))
    }

    /// Rows of split channels times kernels `[S, K C / G, F]`, to `[S n, F]`.
    pub fn forward<B: Backend>(self, rows: FloatTensor<B>, kernel: FloatTensor<B>) -> FloatTensor<B> {
        if self.count == 1 {
            return product::forward::<B>(rows, kernel, self.shared);
        }
        let [_, _, filters] = kernel.shape().dims();
        let output = product::forward::<B>(rows, self.split_kernel::<B>(kernel), false);
        self.merge_outputs::<B>(output, filters)
    }

    /// Gradient in the rows of split channels.
    pub fn backward_rows<B: Backend>(self, kernel: FloatTensor<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
        if self.count == 1 {
            return product::backward_rows::<B>(kernel, grad, self.shared);
        }
        product::backward_rows::<B>(self.split_kernel::<B>(kernel), self.split_outputs::<B>(grad), false)
    }

    /// Gradient in the kernels, flat `[S, K (C / G) F]`.
    pub fn backward_kernel<B: Backend>(self, rows: FloatTensor<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
        if self.count == 1 {
            return product::backward_kernel::<B>(rows, grad, self.samples, self.shared);
        }
        let ([_, depth], [_, filters]) = (rows.shape().dims(), grad.shape().dims());
        let [separate, riding] = self.separate_and_riding();
        let width = filters / self.count;
        let kernel = product::backward_kernel::<B>(rows, self.split_outputs::<B>(grad), self.count * separate, false);
        let kernel = B::float_reshape(kernel, Shape::from([self.count, separate, depth, riding, width]));
        let kernel = B::float_permute(kernel, &[1, 3, 2, 0, 4]);
        B::float_reshape(kernel, Shape::from([self.samples, depth * filters]))
    }

    /// `[S, depth, F] -> [G T, depth, R F / G]`.
    fn split_kernel<B: Backend>(self, kernel: FloatTensor<B>) -> FloatTensor<B> {
        let [_, depth, filters] = kernel.shape().dims();
        let [separate, riding] = self.separate_and_riding();
        let width = filters / self.count;
        let kernel = B::float_reshape(kernel, Shape::from([separate, riding, depth, self.count, width]));
        let kernel = B::float_permute(kernel, &[3, 0, 2, 1, 4]);
        B::float_reshape(kernel, Shape::from([self.count * separate, depth, riding * width]))
    }

    /// `[S n, F] -> [G T n, R F / G]`.
    fn split_outputs<B: Backend>(self, rows: FloatTensor<B>) -> FloatTensor<B> {
        let [count, filters] = rows.shape().dims();
        let [separate, riding] = self.separate_and_riding();
        let (count, width) = (count / self.samples, filters / self.count);
        let rows = B::float_reshape(rows, Shape::from([separate, riding, count, self.count, width]));
        let rows = B::float_permute(rows, &[3, 0, 2, 1, 4]);
        B::float_reshape(rows, Shape::from([self.count * separate * count, riding * width]))
    }

    /// The inverse of [`split_outputs`](Self::split_outputs).
    fn merge_outputs<B: Backend>(self, rows: FloatTensor<B>, filters: usize) -> FloatTensor<B> {
        let [separate, riding] = self.separate_and_riding();
        let (count, width) = (rows.shape()[0] / (self.count * separate), filters / self.count);
        let rows = B::float_reshape(rows, Shape::from([self.count, separate, count, riding, width]));
        let rows = B::float_permute(rows, &[1, 3, 2, 0, 4]);
        B::float_reshape(rows, Shape::from([self.samples * count, filters]))
    }
}
