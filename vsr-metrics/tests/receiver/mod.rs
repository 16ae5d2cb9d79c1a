//! A model of Etsy's `statsd`, with the tags of Datadog: what a receiver makes of datagrams.

use std::collections::BTreeMap;

/// What arrived, by the name as it stands in the line, tags included.
#[derive(Debug, Default)]
pub struct Receiver {
    pub counters: BTreeMap<String, f64>,
    pub gauges: BTreeMap<String, f64>,
    /// Values with how often each was observed.
    pub timers: BTreeMap<String, Vec<(f64, f64)>>,
    pub bad: Vec<String>,
    pub datagrams: usize,
    pub longest: usize,
}

impl Receiver {
    pub fn receive(&mut self, datagram: &[u8]) {
        self.datagrams += 1;
        self.longest = self.longest.max(datagram.len());
        let text = std::str::from_utf8(datagram).expect("lines are ASCII");
        for line in text.split('\n') {
            if self.line(line).is_none() {
                self.bad.push(line.to_owned());
            }
        }
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let (name, rest) = line.split_once(':')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        let mut fields = rest.split('|');
        let (values, kind) = (fields.next()?, fields.next()?);
        let (mut rate, mut tags) = (1.0, "");
        for field in fields {
            match field.split_at_checked(1)? {
                ("@", text) if is_decimal(text) => rate = text.parse().ok()?,
                ("#", text) if !text.is_empty() => tags = text,
                _ => return None,
            }
        }
        let mut key = name.to_owned();
        for tag in tags.split(',').filter(|tag| !tag.is_empty()) {
            let (name, value) = tag.split_once(':')?;
            let is_tag = |c: char| is_name(c) || c == '/';
            if name.is_empty() || value.is_empty() || !(name.to_owned() + value).chars().all(is_tag) {
                return None;
            }
            key = key + "," + tag;
        }
        for text in values.split(':') {
            let value: f64 =
                text.parse().ok().filter(|_| is_decimal(text.strip_prefix('-').unwrap_or(text)))?;
            self.value(&key, kind, text, value, rate)?;
        }
        Some(())
    }

    fn value(&mut self, key: &str, kind: &str, text: &str, value: f64, rate: f64) -> Option<()> {
        match kind {
            "c" if value >= 0.0 => *self.counters.entry(key.into()).or_default() += value / rate,
            "g" => {
                let gauge = self.gauges.entry(key.into()).or_default();
                // A sign is a step, unless the line has tags: Datadog knows no steps.
                let is_step = text.starts_with('-') && !key.contains(',');
                *gauge = if is_step { *gauge + value } else { value };
            }
            "ms" | "d" if value >= 0.0 => {
                self.timers.entry(key.into()).or_default().push((value, 1.0 / rate));
            }
            _ => return None,
        }
        Some(())
    }
}

/// Digits with at most one point between them: no exponent, no infinity, no sign.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}
