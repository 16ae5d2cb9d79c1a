//! Small pieces that every stage writes.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// Documentation, one attribute a line, so that it prints as `///`.
pub(super) fn doc<S: AsRef<str>>(lines: &[S]) -> TokenStream {
    lines
        .iter()
        .map(|line| {
            let line = line.as_ref();
            let line = if line.is_empty() { String::new() } else { format!(" {line}") };
            quote!(#[doc = #line])
        })
        .collect()
}

/// A number without a suffix; thousands are set apart from five digits on.
pub(super) fn number(value: u64) -> Literal {
    if value < 10_000 {
        return Literal::u64_unsuffixed(value);
    }
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    // Digits and underscores always are a literal; the plain number says the same.
    text.parse().unwrap_or_else(|_| Literal::u64_unsuffixed(value))
}

/// A number of cells, and so many times those of a grid on top: `11`, `11 + GRID`, `47 + 2 * GRID`.
pub(super) fn sum(cells: u64, grids: u64, grid: &TokenStream) -> TokenStream {
    let (cells, times) = (number(cells), number(grids));
    match grids {
        0 => quote!(#cells),
        1 => quote!(#cells + #grid),
        _ => quote!(#cells + #times * #grid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(number(1000).to_string(), "1000");
        assert_eq!(number(100_000).to_string(), "100_000");
        assert_eq!(number(30_000_000_000).to_string(), "30_000_000_000");
    }
}
