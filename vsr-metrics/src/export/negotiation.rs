//! Which format a scraper gets: its `Accept` header against what we can write.

use crate::encode::Format;

/// A format and the content type that states it. The bytes are the same under every escaping scheme on offer,
/// because no name needs escaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) format: Format,
    pub(super) content_type: &'static str,
}

const fn offer(format: Format, content_type: &'static str) -> Offer {
    Offer { format, content_type }
}

/// What everybody can read.
const FALLBACK: Offer = offer(Format::Prometheus, "text/plain; version=0.0.4; charset=utf-8");

const OPEN_METRICS: Offer =
    offer(Format::OpenMetrics, "application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The best offer for an `Accept` header: the highest quality wins, among equals the one named first. A header
/// that is missing or names nothing that we write gets Prometheus text 0.0.4.
pub(super) fn negotiate(accept: Option<&str>) -> Offer {
    let mut best = (0, FALLBACK);
    for range in accept.unwrap_or("").split(',') {
        let range = Range::parse(range);
        if let Some(offer) = range.offer().filter(|_| range.quality > best.0) {
            best = (range.quality, offer);
        }
    }
    best.1
}

/// One media range of the header.
struct Range<'a> {
    media: &'a str,
    version: Option<&'a str>,
    escaping: Option<&'a str>,
    /// In thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut pieces = text.split(';').map(str::trim);
        let media = pieces.next().unwrap_or("");
        let mut range = Self { media, version: None, escaping: None, quality: 1000 };
        for (name, value) in pieces.filter_map(|piece| piece.split_once('=')) {
            let (name, value) = (name.trim_end(), value.trim_start().trim_matches('"'));
            match () {
                () if name.eq_ignore_ascii_case("version") => range.version = Some(value),
                () if name.eq_ignore_ascii_case("escaping") => range.escaping = Some(value),
                () if name.eq_ignore_ascii_case("q") => range.quality = quality(value).unwrap_or(0),
                () => {}
            }
        }
        range
    }

    fn offer(&self) -> Option<Offer> {
        let media = |name| self.media.eq_ignore_ascii_case(name);
        if media("application/openmetrics-text") {
            return matches!(self.version, None | Some("1.0.0")).then(|| match self.escaping {
                None => OPEN_METRICS,
                Some("allow-utf-8") => offer(
                    Format::OpenMetrics,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
                ),
                Some("values") => offer(
                    Format::OpenMetrics,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
                ),
                Some(_) => offer(
                    Format::OpenMetrics,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
                ),
            });
        }
        if media("text/plain") && self.version == Some("1.0.0") {
            return Some(match self.escaping {
                Some("allow-utf-8") => offer(
                    Format::Prometheus,
                    "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
                ),
                Some("values") => {
                    offer(Format::Prometheus, "text/plain; version=1.0.0; charset=utf-8; escaping=values")
                }
                _ => offer(
                    Format::Prometheus,
                    "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
                ),
            });
        }
        let plain = media("text/plain") && matches!(self.version, None | Some("0.0.4"));
        (plain || media("text/*") || media("*/*")).then_some(FALLBACK)
    }
}

/// A quality in thousandths: `0`, `1`, `0.75`. Anything else is none.
pub(super) fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    #[test]
    fn every_accept_header_gets_one_exact_content_type() {
        let utf8 = format!("{OPEN}; escaping=allow-utf-8");
        let long = "x/y,".repeat(2_000);
        for (accept, expected) in [
            // Prometheus 2, and 3 with and without protobuf.
            ("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", TEXT),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OPEN,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                &utf8,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;\
                 escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;\
                 q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                &utf8,
            ),
            ("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.4", TEXT),
            ("text/plain;version=0.0.4;q=0.5, application/openmetrics-text;version=1.0.0;q=0.9", OPEN),
            ("APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"", OPEN),
            ("application/openmetrics-text;version=2.0.0", TEXT),
            ("application/openmetrics-text;q=0", TEXT),
            ("application/openmetrics-text;q=2,text/plain;q=0.1", TEXT),
            ("*/*", TEXT),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", TEXT),
            ("", TEXT),
            (";;;,=,q=,\u{fffd}", TEXT),
            (&long, TEXT),
        ] {
            assert_eq!(negotiate(Some(accept)).content_type, expected, "{accept}");
        }
        assert_eq!(negotiate(None).content_type, TEXT);
    }

    #[test]
    fn an_escaping_scheme_that_would_change_names_is_not_claimed() {
        for (asked, told) in [("values", "values"), ("dots", "underscores"), ("?", "underscores")] {
            let accept = format!("application/openmetrics-text;version=1.0.0;escaping={asked}");
            assert_eq!(negotiate(Some(&accept)).content_type, format!("{OPEN}; escaping={told}"));
        }
        assert_eq!(
            negotiate(Some("text/plain;version=1.0.0")).content_type,
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"
        );
    }

    #[test]
    fn qualities_are_thousandths() {
        for (text, expected) in [
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("0.5", Some(500)),
            ("0.125", Some(125)),
            ("0", Some(0)),
            ("1.1", None),
            ("0.1234", None),
            ("-1", None),
            ("0.+1", None),
            ("", None),
        ] {
            assert_eq!(quality(text), expected, "{text}");
        }
    }
}
