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
    // Digits and underscores always are a literal; the plain number says the same.
    grouped(&value.to_string()).parse().unwrap_or_else(|_| Literal::u64_unsuffixed(value))
}

/// The same of a number with a point.
pub(super) fn float(value: f64) -> TokenStream {
    let digits = value.abs().to_string();
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, "0"));
    let text = format!("{}.{fraction}", grouped(whole));
    let literal: Literal = text.parse().unwrap_or_else(|_| Literal::f64_unsuffixed(value.abs()));
    if value.is_sign_negative() { quote!(-#literal) } else { quote!(#literal) }
}

/// Digits with thousands set apart, if there are five or more.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len() > 4 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
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
        assert_eq!(float(5e9).to_string(), "5_000_000_000.0");
        assert_eq!(float(0.000_25).to_string(), "0.00025");
        assert_eq!(float(-12_345.5).to_string(), "- 12_345.5");
    }
}
