//! Ways in which the same tensor can lie in memory. What lies between its elements is not a number.

use super::tensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};
use burn::tensor::{Shape, Slice};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// One after the other, from the first.
    Plain,
    /// One after the other, but not from the first.
    Later,
    /// The last axis outermost.
    Reversed,
    /// A part of every axis.
    Inside,
    /// Every axis backwards.
    Backwards,
    /// Every other element.
    Stepped,
}

impl View {
    pub(super) const ALL: [Self; 6] =
        [Self::Plain, Self::Later, Self::Reversed, Self::Inside, Self::Backwards, Self::Stepped];

    /// The tensor, lying so.
    pub(super) fn of(self, x: &FlexTensor) -> FlexTensor {
        let axes: Vec<usize> = (0..x.shape().num_dims()).collect();
        if x.shape().num_elements() == 0 {
            return x.clone();
        }
        match self {
            Self::Plain => x.clone(),
            Self::Later => within(x, |axis| if axis == 0 { [1, 1] } else { [0, 1] }),
            Self::Reversed => {
                let axes: Vec<usize> = axes.into_iter().rev().collect();
                x.permute(&axes).to_contiguous().permute(&axes)
            }
            Self::Inside => within(x, |_| [1, 1]),
            Self::Backwards => Flex::float_flip(Flex::float_flip(x.clone(), &axes).to_contiguous(), &axes),
            Self::Stepped => within(x, |_| [0, 2]),
        }
    }
}

/// The tensor inside a larger one, on each axis after so many elements and at such a step.
fn within(x: &FlexTensor, place: impl Fn(usize) -> [usize; 2]) -> FlexTensor {
    let shape = x.shape();
    let larger = |axis: usize| {
        let [before, step] = place(axis);
        2 * before + shape[axis] * step
    };
    let larger = Shape::from((0..shape.num_dims()).map(larger).collect::<Vec<_>>());
    let gaps = tensor(vec![f64::NAN; larger.num_elements()], larger, x.dtype());
    let slice = |axis: usize| {
        let [before, step] = place(axis);
        let signed = |n: usize| isize::try_from(n).unwrap();
        Slice::new(signed(before), Some(signed(before + (shape[axis] - 1) * step + 1)), signed(step))
    };
    let slices: Vec<Slice> = (0..shape.num_dims()).map(slice).collect();
    Flex::float_slice(Flex::float_slice_assign(gaps, &slices, x.clone()), &slices)
}

#[test]
fn views_have_the_same_values() {
    let x = super::random("x", [3, 4, 5], burn::tensor::DType::F32);
    for view in View::ALL {
        let viewed = view.of(&x);
        assert!(viewed.shape() == x.shape() && super::same(&viewed, &x), "{view:?}");
        let lies_in_order = matches!(view, View::Plain | View::Later);
        assert_eq!((viewed.is_contiguous(), viewed.layout().start_offset() > 0), {
            (lies_in_order, !matches!(view, View::Plain | View::Reversed | View::Stepped))
        });
    }
}
