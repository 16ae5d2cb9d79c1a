//! What stands between the parentheses of `catalog!(…)`.

use std::path::{Path, PathBuf};

use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Result, Token};

/// A path of one machine would have the crate compile there only.
const ABSOLUTE: &str = "the path of a catalog starts at the directory of the crate's Cargo.toml: write it without \
                        the leading slash";

/// Where the catalog's text comes from.
pub(crate) enum Input {
    /// A file, named from the manifest of the calling crate.
    Path(String),
    /// The text itself.
    Source(String),
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key: Option<Ident> = if input.peek(LitStr) { None } else { Some(key(input)?) };
        let value: LitStr = input.parse()?;
        if input.peek(Token![,]) {
            let _: Token![,] = input.parse()?;
        }
        if !input.is_empty() {
            return Err(input.error("expected nothing more: `catalog!` takes one argument"));
        }
        match key {
            Some(key) if key == "source" => Ok(Self::Source(value.value())),
            _ if Path::new(&value.value()).has_root() => Err(Error::new(value.span(), ABSOLUTE)),
            _ => Ok(Self::Path(value.value())),
        }
    }
}

/// `path =` or `source =`.
fn key(input: ParseStream<'_>) -> Result<Ident> {
    const EXPECTED: &str = "expected the path of a catalog as a string, `path = \"…\"` or `source = \"…\"`";
    let key: Ident = input.parse().map_err(|error| Error::new(error.span(), EXPECTED))?;
    if key != "path" && key != "source" {
        return Err(Error::new(key.span(), EXPECTED));
    }
    let _: Token![=] = input.parse()?;
    Ok(key)
}

/// The file, from the manifest of the crate that is being compiled.
pub(crate) fn from_manifest(path: &str) -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default().join(path)
}

/// The same file from the directory that the compiler runs in, where it lies below: this is how the compiler
/// itself names files in its messages, and what an editor can open.
pub(crate) fn from_here(path: &str) -> PathBuf {
    let full = from_manifest(path);
    let here = std::env::current_dir().unwrap_or_default();
    match full.strip_prefix(here) {
        Ok(within) if within.as_os_str().is_empty() => PathBuf::from("."),
        Ok(within) => within.to_path_buf(),
        Err(_) => full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> std::result::Result<Input, String> {
        syn::parse_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_may_be_named_or_not() {
        assert!(matches!(parse("\"a.yaml\""), Ok(Input::Path(path)) if path == "a.yaml"));
        assert!(matches!(parse("path = \"a.yaml\","), Ok(Input::Path(path)) if path == "a.yaml"));
        assert!(
            matches!(parse("source = \"catalog: {}\""), Ok(Input::Source(text)) if text == "catalog: {}")
        );
    }

    #[test]
    fn a_directory_has_a_name_of_its_own() {
        let here = std::env::current_dir().expect("a directory");
        let name = here.file_name().expect("below the root").to_string_lossy().into_owned();
        for path in ["", ".", &format!("../{name}/")] {
            let told = from_here(path);
            assert!(!told.as_os_str().is_empty() && told.is_dir(), "{path}: {}", told.display());
        }
    }

    #[test]
    fn anything_else_says_what_was_expected() {
        for text in ["", "3", "file = \"a.yaml\""] {
            assert!(parse(text).is_err_and(|message| message.contains("expected the path")), "{text}");
        }
        assert!(parse("\"/a.yaml\"").is_err_and(|message| message.contains("starts at the directory")));
        assert!(parse("\"a\", \"b\"").is_err_and(|message| message.contains("takes one argument")));
    }
}
