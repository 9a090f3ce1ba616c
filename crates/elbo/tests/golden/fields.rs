//! Strict reading of JSON objects: every key that is there has to be asked for, every value has to be understood.

use burn::tensor::{DType, Device, Tensor, TensorData};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Why a case fails, for a reader.
pub type Failure = String;

/// An array of the files: shape, and values in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

/// An object of which it is known what was read.
pub struct Fields<'a> {
    what: String,
    object: &'a Map<String, Value>,
    read: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Fields<'a> {
    pub fn new(what: impl Into<String>, value: &'a Value) -> Result<Self, Failure> {
        let what = what.into();
        let object = value.as_object().ok_or_else(|| format!("`{what}` must be an object, found {value}"))?;
        Ok(Self { what, object, read: RefCell::default() })
    }

    /// The value of a key that may be missing.
    pub fn optional(&self, key: &str) -> Option<&'a Value> {
        let (key, value) = self.object.get_key_value(key)?;
        self.read.borrow_mut().insert(key);
        Some(value)
    }

    pub fn value(&self, key: &str) -> Result<&'a Value, Failure> {
        self.optional(key).ok_or_else(|| format!("`{}` lacks `{key}`", self.what))
    }

    pub fn has(&self, key: &str) -> bool {
        self.object.contains_key(key)
    }

    pub fn text(&self, key: &str) -> Result<&'a str, Failure> {
        let value = self.value(key)?;
        value.as_str().ok_or_else(|| self.wrong(key, "a text", value))
    }

    pub fn flag(&self, key: &str) -> Result<bool, Failure> {
        let value = self.value(key)?;
        value.as_bool().ok_or_else(|| self.wrong(key, "true or false", value))
    }

    pub fn size(&self, key: &str) -> Result<usize, Failure> {
        let value = self.value(key)?;
        as_size(value).ok_or_else(|| self.wrong(key, "a size", value))
    }

    pub fn sizes(&self, key: &str) -> Result<Vec<usize>, Failure> {
        self.list(key, "a list of sizes", as_size)
    }

    pub fn number(&self, key: &str) -> Result<f64, Failure> {
        let value = self.value(key)?;
        as_number(value).ok_or_else(|| self.wrong(key, "a number", value))
    }

    pub fn numbers(&self, key: &str) -> Result<Vec<f64>, Failure> {
        self.list(key, "a list of numbers", as_number)
    }

    /// A list of pairs of sizes.
    pub fn pairs(&self, key: &str) -> Result<Vec<[usize; 2]>, Failure> {
        self.list(key, "a list of pairs of sizes", |value| match value.as_array()?.as_slice() {
            [a, b] => Some([as_size(a)?, as_size(b)?]),
            _ => None,
        })
    }

    fn list<T>(&self, key: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, Failure> {
        let value = self.value(key)?;
        let items = value.as_array().and_then(|items| items.iter().map(read).collect::<Option<Vec<T>>>());
        items.ok_or_else(|| self.wrong(key, expected, value))
    }

    pub fn fields(&self, key: &str) -> Result<Fields<'a>, Failure> {
        Fields::new(format!("{}.{key}", self.what), self.value(key)?)
    }

    /// An object, or nothing for `null`.
    pub fn nullable(&self, key: &str) -> Result<Option<Fields<'a>>, Failure> {
        match self.value(key)? {
            Value::Null => Ok(None),
            _ => self.fields(key).map(Some),
        }
    }

    pub fn array(&self, key: &str) -> Result<Array, Failure> {
        let fields = self.fields(key)?;
        let (shape, data) = (fields.sizes("shape")?, fields.numbers("data")?);
        fields.finish()?;
        let expected = shape.iter().product::<usize>();
        if expected != data.len() {
            return Err(format!("`{}`: shape {shape:?} with {} values", fields.what, data.len()));
        }
        Ok(Array { shape, data })
    }

    /// An array of whole numbers of at least 0.
    pub fn labels(&self, key: &str) -> Result<Vec<usize>, Failure> {
        let fields = self.fields(key)?;
        let (shape, labels) = (fields.sizes("shape")?, fields.sizes("data")?);
        fields.finish()?;
        if shape != [labels.len()] {
            return Err(format!("`{}`: shape {shape:?} with {} values", fields.what, labels.len()));
        }
        Ok(labels)
    }

    /// A plain number or an array.
    pub fn scalar_or_array(&self, key: &str) -> Result<Array, Failure> {
        match self.value(key)? {
            Value::Object(_) => self.array(key),
            _ => Ok(Array { shape: vec![], data: vec![self.number(key)?] }),
        }
    }

    /// The name of a choice.
    pub fn unknown<T>(&self, key: &str, found: &str) -> Result<T, Failure> {
        Err(format!("`{}.{key}`: this harness does not understand `{found}`", self.what))
    }

    fn wrong(&self, key: &str, expected: &str, found: &Value) -> Failure {
        format!("`{}.{key}` must be {expected}, found {found}", self.what)
    }

    /// Fails if a key was not read.
    pub fn finish(&self) -> Result<(), Failure> {
        let unread: Vec<&str> = self.unread();
        if unread.is_empty() {
            return Ok(());
        }
        Err(format!("`{}` has keys that are not checked: {}", self.what, unread.join(", ")))
    }

    /// The keys that were not read.
    pub fn unread(&self) -> Vec<&'a str> {
        let read = self.read.borrow();
        self.object.keys().map(String::as_str).filter(|key| !read.contains(key)).collect()
    }
}

fn as_size(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

/// A number, or the text of one that JSON cannot write.
fn as_number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("nan") => Some(f64::NAN),
        Some("inf") => Some(f64::INFINITY),
        Some("-inf") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => value.as_f64(),
    }
}

impl Array {
    pub fn data(&self) -> TensorData {
        TensorData::new(self.data.clone(), self.shape.clone())
    }

    pub fn tensor<const D: usize>(&self, device: &Device, dtype: DType) -> Result<Tensor<D>, Failure> {
        if self.shape.len() != D {
            return Err(format!("expected an array of {D} axes, found {:?}", self.shape));
        }
        Ok(Tensor::from_data(self.data(), (device, dtype)))
    }

    /// The values of a tensor.
    pub fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        let shape = tensor.dims().to_vec();
        let data = tensor.into_data().try_into_vec_as().expect("floats convert to f64");
        Self { shape, data }
    }
}
