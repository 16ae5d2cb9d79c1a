//! Forms that serde has no attribute for.

use serde::Deserialize;
use serde::de::IntoDeserializer;

/// A map that keeps the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct Ordered<T>(pub(crate) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map from names to values")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }

        deserializer.deserialize_map(Visitor(std::marker::PhantomData))
    }
}

/// A short form, or a map that says more. Unlike serde's untagged enums it keeps the place of a mistake within the
/// map, and takes no key that it does not know.
#[derive(Clone, Debug)]
pub(crate) enum ShortOrFull<S, F> {
    Short(S),
    Full(F),
}

impl<'de, S: Deserialize<'de>, F: Deserialize<'de>> Deserialize<'de> for ShortOrFull<S, F> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<S, F>(std::marker::PhantomData<(S, F)>);

        impl<'de, S: Deserialize<'de>, F: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<S, F> {
            type Value = ShortOrFull<S, F>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the short form or a map")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
                S::deserialize(number.into_deserializer()).map(ShortOrFull::Short)
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
                S::deserialize(number.into_deserializer()).map(ShortOrFull::Short)
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
                S::deserialize(number.into_deserializer()).map(ShortOrFull::Short)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                S::deserialize(text.into_deserializer()).map(ShortOrFull::Short)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                F::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(ShortOrFull::Full)
            }
        }

        deserializer.deserialize_any(Visitor(std::marker::PhantomData))
    }
}
