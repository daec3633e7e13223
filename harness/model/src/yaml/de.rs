//! serde over a [`Tree`]: every error carries the position of the value (or key) that caused it, and names near fields.

use std::cell::Cell;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::error::{Error, describe};
use super::tree::{Id, Kind, MAX_DEPTH, Tree};
use crate::diag::Mark;

/// What reading one document may cost (16 for a value, 1 for a byte of its text): more than the densest file of the
/// largest size costs without aliases. Aliases to aliases to aliases ("billion laughs") end here.
const BUDGET: usize = 24 << 20;

/// A value of a tree, ready to be read by serde.
#[derive(Clone, Copy, Debug)]
pub(super) struct De<'t> {
    tree: &'t Tree,
    id: Id,
    depth: usize,
    spent: &'t Cell<usize>,
    /// Whether only what YAML takes for text is text; keys always are.
    strict: bool,
}

impl<'t> De<'t> {
    pub(super) fn new(tree: &'t Tree, id: Id, spent: &'t Cell<usize>, strict: bool) -> Self {
        Self { tree, id, depth: 0, spent, strict }
    }

    fn child(self, id: Id) -> Self {
        Self { id, depth: self.depth + 1, ..self }
    }

    fn mark(&self) -> Mark {
        self.tree.item(self.id).mark
    }

    /// The value behind aliases. Errors: aliases multiplied the document beyond reason, or lead back to themselves.
    fn open(&self) -> Result<&'t Kind, Error> {
        let kind = self.tree.kind(self.id);
        let cost = 16 + if let Kind::Scalar { text, .. } = kind { text.len() } else { 0 };
        self.spent.set(self.spent.get().saturating_add(cost));
        if self.spent.get() > BUDGET || self.depth > MAX_DEPTH {
            return Err(
                Error::new("the aliases in this file expand without reasonable bound").at(self.mark())
            );
        }
        Ok(kind)
    }

    fn visit<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.open()? {
            Kind::Scalar { text, plain: true } => visit_plain(text, visitor),
            Kind::Scalar { text, .. } => visitor.visit_borrowed_str(text),
            Kind::Seq(ids) => {
                let mut items = Items { of: self, ids: ids.iter() };
                let value = visitor.visit_seq(&mut items)?;
                match items.ids.next() {
                    None => Ok(value),
                    Some(extra) => Err(Error::new("the list is too long").at(self.tree.item(*extra).mark)),
                }
            }
            Kind::Map(_) => {
                let pairs = self.tree.entries(self.id).into_iter();
                visitor.visit_map(Entries { of: self, pairs, value: None })
            }
            Kind::Alias(_) => Err(Error::new("an alias of an alias")),
        }
    }

    fn unexpected(&self) -> Unexpected<'t> {
        match self.tree.kind(self.id) {
            Kind::Seq(_) => Unexpected::Seq,
            Kind::Map(_) | Kind::Alias(_) => Unexpected::Map,
            Kind::Scalar { text, .. } => Unexpected::Str(text),
        }
    }
}

/// YAML's core schema: what an unquoted word means.
fn visit_plain<'t, V: Visitor<'t>>(text: &'t str, visitor: V) -> Result<V::Value, Error> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return visitor.visit_unit(),
        "true" | "True" | "TRUE" => return visitor.visit_bool(true),
        "false" | "False" | "FALSE" => return visitor.visit_bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" => return visitor.visit_f64(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return visitor.visit_f64(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return visitor.visit_f64(f64::NAN),
        _ => {}
    }
    if let Some(n) = text.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok()) {
        return visitor.visit_u64(n);
    }
    if let Some(n) = text.strip_prefix("0o").and_then(|oct| u64::from_str_radix(oct, 8).ok()) {
        return visitor.visit_u64(n);
    }
    if let Ok(n) = text.parse::<u64>() {
        return visitor.visit_u64(n);
    }
    if let Ok(n) = text.parse::<i64>() {
        return visitor.visit_i64(n);
    }
    // Rust reads `inf`, `nan` and `infinity` as floats; YAML reads them as words.
    match text.parse::<f64>() {
        Ok(n) if text.contains(|c: char| c.is_ascii_digit()) => visitor.visit_f64(n),
        _ => visitor.visit_borrowed_str(text),
    }
}

fn is_null(kind: &Kind) -> bool {
    matches!(kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
}

impl<'t> de::Deserializer<'t> for De<'t> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor).map_err(|e: Error| e.at(self.mark()))
    }

    /// Any scalar is text when text is wanted, unless strictly read: `image: 1.10` means `1.10`, not a number.
    fn deserialize_str<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.open()? {
            kind @ Kind::Scalar { text, .. } if !self.strict && !is_null(kind) => {
                visitor.visit_borrowed_str(text).map_err(|e: Error| e.at(self.mark()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match is_null(self.open()?) {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self).map_err(|e: Error| e.at(self.mark()))
    }

    /// serde's derived structs also read lists; users' files do not mean that.
    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.open()? {
            Kind::Seq(_) => {
                Err(<Error as de::Error>::invalid_type(Unexpected::Seq, &visitor).at(self.mark()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    /// `word`, or a mapping with the variant as its only key: `apply: file.yaml`.
    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant = match self.open()? {
            Kind::Scalar { .. } => Variant { name: self, value: None },
            Kind::Map(_) => match self.tree.entries(self.id).as_slice() {
                [(key, value)] => Variant { name: self.child(*key), value: Some(self.child(*value)) },
                entries => {
                    let message =
                        format!("expected exactly one of {}, found {} keys", known.join(", "), entries.len());
                    let second = entries.get(1).map_or(self.mark(), |(key, _)| self.tree.item(*key).mark);
                    return Err(Error::new(message).at(second));
                }
            },
            _ => {
                let message =
                    format!("expected one of {}, found {}", known.join(", "), describe(&self.unexpected()));
                return Err(Error::new(message).at(self.mark()));
            }
        };
        visitor.visit_enum(variant).map_err(|e: Error| e.at(self.mark()))
    }

    /// A field's name, or a key.
    fn deserialize_identifier<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.tree.text(self.id) {
            Some(text) => visitor.visit_borrowed_str(text).map_err(|e: Error| e.at(self.mark())),
            None => self.deserialize_any(visitor),
        }
    }

    /// What nobody reads costs nothing and cannot fail.
    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'t>> bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct map
    }
}

struct Items<'t, 'i> {
    of: De<'t>,
    ids: std::slice::Iter<'i, Id>,
}

impl<'t> de::SeqAccess<'t> for &mut Items<'t, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(id) = self.ids.next() else { return Ok(None) };
        let item = self.of.child(*id);
        seed.deserialize(item).map(Some).map_err(|e| e.at(item.mark()))
    }
}

struct Entries<'t> {
    of: De<'t>,
    pairs: std::vec::IntoIter<(Id, Id)>,
    value: Option<Id>,
}

impl<'t> de::MapAccess<'t> for Entries<'t> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((key, value)) = self.pairs.next() else { return Ok(None) };
        self.value = Some(value);
        let key = De { strict: false, ..self.of.child(key) };
        seed.deserialize(key).map(Some).map_err(|e| e.at(key.mark()))
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some(id) = self.value.take() else { return Err(Error::new("a value was read before its key")) };
        let value = self.of.child(id);
        seed.deserialize(value).map_err(|e| e.at(value.mark()))
    }
}

struct Variant<'t> {
    name: De<'t>,
    value: Option<De<'t>>,
}

impl<'t> de::EnumAccess<'t> for Variant<'t> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let name = self.name.tree.text(self.name.id).unwrap_or_default();
        let deserializer: de::value::StrDeserializer<'_, Error> = name.into_deserializer();
        let value = seed.deserialize(deserializer).map_err(|e| e.at(self.name.mark()))?;
        Ok((value, self))
    }
}

impl<'t> Variant<'t> {
    fn value(&self) -> Result<De<'t>, Error> {
        let name = self.name.tree.text(self.name.id).unwrap_or_default();
        self.value
            .ok_or_else(|| Error::new(format!("`{name}` needs a value: `{name}: ...`")).at(self.name.mark()))
    }
}

impl<'t> de::VariantAccess<'t> for Variant<'t> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None => Ok(()),
            Some(value) if is_null(value.open()?) => Ok(()),
            Some(value) => {
                let name = self.name.tree.text(self.name.id).unwrap_or_default();
                Err(Error::new(format!("`{name}` takes no value")).at(value.mark()))
            }
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<S::Value, Error> {
        let value = self.value()?;
        seed.deserialize(value).map_err(|e| e.at(value.mark()))
    }

    fn tuple_variant<V: Visitor<'t>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self.value()?, visitor)
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_struct(self.value()?, "", fields, visitor)
    }
}
