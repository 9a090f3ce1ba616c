//! The CPU backend. It runs the default bodies; fused overrides take their place here.

#[cfg(feature = "flex")]
impl crate::VariationalOps for burn::backend::Flex {}
