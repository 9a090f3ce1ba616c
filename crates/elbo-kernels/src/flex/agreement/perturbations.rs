//! What flipout and local reparameterization do to inputs and outputs.

use super::{Case, TYPES, absolute, draws, numbers, random, tensor, values};
use crate::VariationalOps;
use crate::geometry::Epilogue;
use crate::layout::ChannelLayout;
use crate::reference::perturbation;
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};
use burn::tensor::DType;

/// Dense layers and convolutions of both formats: `[rows, before, channels, after]`.
fn layouts() -> Vec<ChannelLayout> {
    let sizes = [[0, 1, 3, 1], [1, 1, 1, 1], [7, 1, 33, 1], [3, 5, 4, 1], [2, 1, 3, 9], [2, 3, 2, 5], [64, 1, 700, 1]];
    let most = if cfg!(miri) { 5 } else { sizes.len() };
    let of = |&[rows, before, channels, after]: &[usize; 4]| ChannelLayout { rows, before, channels, after };
    sizes.iter().take(most).map(of).collect()
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (layout, dtype) in layouts().into_iter().flat_map(|layout| TYPES.map(|dtype| (layout, dtype))) {
        for (samples, shared) in [(1, false), (1, true), (3, false), (3, true)] {
            let sizes = Sizes { layout, samples, shared, dtype };
            cases.extend([sizes.perturb_signs(), sizes.perturb_signs_backward()]);
            for epilogue in [Epilogue::Linear, Epilogue::Relu] {
                cases.extend([sizes.add_perturbation(epilogue), sizes.add_noise(epilogue)]);
            }
            cases.push(sizes.add_noise_backward_variance());
        }
    }
    cases
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    layout: ChannelLayout,
    samples: usize,
    shared: bool,
    dtype: DType,
}

impl Sizes {
    fn copies(&self) -> usize {
        if self.shared { 1 } else { self.samples }
    }

    /// `[copies rows, before, channels, after]`
    fn part(&self, name: &str, copies: usize) -> FlexTensor {
        let ChannelLayout { rows, before, channels, after } = self.layout;
        random(name, [copies * rows, before, channels, after], self.dtype)
    }

    fn bias(&self) -> FlexTensor {
        random("bias", [self.samples, self.layout.channels], self.dtype)
    }

    /// Zeros and squares.
    fn variance(&self) -> FlexTensor {
        let like = self.part("v", self.copies());
        let square = |(i, v): (usize, f64)| if i % 5 == 0 { 0.0 } else { 0.01 + v * v };
        let values = numbers("v", like.shape().num_elements()).into_iter().enumerate().map(square).collect();
        tensor(values, like.shape(), self.dtype)
    }

    fn perturb_signs(self) -> Case {
        let (draws, layout, shared) = (draws(self.samples), self.layout, self.shared);
        Case::new(
            "perturb_signs",
            self,
            [self.part("x", self.copies())],
            move |x| vec![Flex::perturb_signs(x[0].clone(), draws, layout, shared)],
            move |x| vec![perturbation::perturb_signs::<Flex>(x[0].clone(), draws, layout, shared)],
        )
    }

    fn perturb_signs_backward(self) -> Case {
        let (draws, layout, shared) = (draws(self.samples), self.layout, self.shared);
        let grad = self.part("g", self.samples);
        let sizes = over_samples(&values(&absolute(&grad)), if shared { layout.elements() } else { 0 });
        let case = Case::new(
            "perturb_signs_backward",
            self,
            [grad],
            move |x| vec![Flex::perturb_signs_backward(x[0].clone(), draws, layout, shared)],
            move |x| vec![perturbation::perturb_signs_backward::<Flex>(x[0].clone(), draws, layout, shared)],
        );
        if shared && self.dtype == DType::F32 { case.rounding(2 * self.samples, vec![sizes]) } else { case }
    }

    fn add_perturbation(self, epilogue: Epilogue) -> Case {
        let (draws, layout) = (draws(self.samples), self.layout);
        Case::new(
            "add_perturbation",
            (self, epilogue),
            [self.part("m", self.copies()), self.part("p", self.samples), self.bias()],
            move |x| {
                let [mean, perturbation, bias] = three(x);
                vec![Flex::add_perturbation(mean, perturbation, bias, draws, layout, epilogue)]
            },
            move |x| {
                let [mean, perturbation, bias] = three(x);
                vec![perturbation::add_perturbation::<Flex>(mean, perturbation, bias, draws, layout, epilogue)]
            },
        )
    }

    fn add_noise(self, epilogue: Epilogue) -> Case {
        let (draws, layout) = (draws(self.samples), self.layout);
        Case::new(
            "add_noise",
            (self, epilogue),
            [self.part("m", self.copies()), self.variance(), self.bias()],
            move |x| {
                let [mean, variance, bias] = three(x);
                vec![Flex::add_noise(mean, variance, bias, draws, layout, epilogue)]
            },
            move |x| {
                let [mean, variance, bias] = three(x);
                vec![perturbation::add_noise::<Flex>(mean, variance, bias, draws, layout, epilogue)]
            },
        )
    }

    /// Products of the gradient and a normal below 7, over twice the root.
    fn add_noise_backward_variance(self) -> Case {
        let (draws, layout) = (draws(self.samples), self.layout);
        let (variance, grad) = (self.variance(), self.part("g", self.samples));
        let sums = over_samples(&values(&absolute(&grad)), if self.shared { layout.elements() } else { 0 });
        let size = |(sum, v): (f64, f64)| if v == 0.0 { 0.0 } else { 7.0 * sum / (2.0 * v.sqrt()) };
        let sizes = sums.into_iter().zip(values(&variance)).map(size).collect();
        let case = Case::new(
            "add_noise_backward_variance",
            self,
            [variance, grad],
            move |x| vec![Flex::add_noise_backward_variance(x[0].clone(), x[1].clone(), draws, layout)],
            move |x| {
                let (variance, grad) = (x[0].clone(), x[1].clone());
                vec![perturbation::add_noise_backward_variance::<Flex>(variance, grad, draws, layout)]
            },
        );
        if self.dtype == DType::F32 { case.rounding(2 * self.samples + 8, vec![sizes]) } else { case }
    }
}

fn three(x: Vec<FlexTensor>) -> [FlexTensor; 3] {
    x.try_into().unwrap_or_else(|_| panic!("three arguments"))
}

/// Sums over parts of so many elements; the parts themselves for 0.
fn over_samples(values: &[f64], elements: usize) -> Vec<f64> {
    if elements == 0 {
        return values.to_vec();
    }
    (0..elements).map(|i| values.iter().skip(i).step_by(elements).sum()).collect()
}
