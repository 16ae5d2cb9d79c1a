//! Lines into datagrams: whole ones, as many as fit.

/// A datagram of whole lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    bytes: Vec<u8>,
    /// Where each piece ends that must not be parted.
    ends: Vec<usize>,
}

/// The datagrams of one emit.
#[derive(Clone, Debug)]
pub struct Packets {
    list: Vec<Packet>,
    size: usize,
    dropped: u64,
}

impl Packet {
    /// What to send.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many values of series it carries.
    pub fn points(&self) -> usize {
        self.ends.len()
    }

    /// Two packets of about half the size; `None` if there is one piece only.
    pub fn split(&self) -> Option<(Self, Self)> {
        let half = self.bytes.len() / 2;
        let last = self.ends.len().checked_sub(2)?;
        let middle = self.ends.iter().position(|end| *end >= half).unwrap_or(last).min(last);
        let (mut first, mut second) = (Self::default(), Self::default());
        let mut start = 0;
        for (index, end) in self.ends.iter().enumerate() {
            let part = if index <= middle { &mut first } else { &mut second };
            part.add(&self.bytes[start..*end]);
            start = end + 1;
        }
        Some((first, second))
    }

    fn fits(&self, piece: &[u8], size: usize) -> bool {
        self.bytes.len() + usize::from(!self.bytes.is_empty()) + piece.len() <= size
    }

    fn add(&mut self, piece: &[u8]) {
        if !self.bytes.is_empty() {
            self.bytes.push(b'\n');
        }
        self.bytes.extend_from_slice(piece);
        self.ends.push(self.bytes.len());
    }
}

impl Packets {
    pub(super) fn new(size: usize) -> Self {
        Self { list: Vec::new(), size, dropped: 0 }
    }

    /// Adds a piece to the last packet, or to a new one. A piece too long for any is dropped: a catalog cannot have
    /// one, a descriptor written by hand can.
    pub(super) fn add(&mut self, piece: &[u8]) {
        if piece.len() > self.size {
            self.dropped += 1;
            return;
        }
        if !self.list.last().is_some_and(|packet| packet.fits(piece, self.size)) {
            self.list.push(Packet::default());
        }
        if let Some(packet) = self.list.last_mut() {
            packet.add(piece);
        }
    }

    pub(super) fn drop_points(&mut self, points: u64) {
        self.dropped += points;
    }

    /// Values that no line can hold: not finite, or too long.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many datagrams there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl IntoIterator for Packets {
    type Item = Packet;
    type IntoIter = std::vec::IntoIter<Packet>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(pieces: &[&str], size: usize) -> Packets {
        let mut packets = Packets::new(size);
        for piece in pieces {
            packets.add(piece.as_bytes());
        }
        packets
    }

    fn texts(packets: Packets) -> Vec<String> {
        packets.into_iter().map(|packet| String::from_utf8_lossy(packet.bytes()).into_owned()).collect()
    }

    #[test]
    fn whole_pieces_as_many_as_fit() {
        assert_eq!(texts(packed(&["aaa", "bbb", "cc"], 7)), ["aaa\nbbb", "cc"]);
        assert_eq!(texts(packed(&["aaa", "bbb"], 6)), ["aaa", "bbb"]);
        let packets = packed(&["aaaa", "b"], 3);
        assert_eq!((packets.dropped(), texts(packets)), (1, vec!["b".to_owned()]));
    }

    #[test]
    fn a_packet_is_split_between_pieces_and_never_within_one() {
        let whole = |pieces: &[&str]| packed(pieces, 100).into_iter().next().expect("there is one");
        let (first, second) = whole(&["x:0|g\nx:-5|g", "y:1|c"]).split().expect("two pieces");
        assert_eq!((first.bytes(), second.bytes()), (&b"x:0|g\nx:-5|g"[..], &b"y:1|c"[..]));
        let (first, second) = whole(&["a", "bbbbbbbb"]).split().expect("two pieces");
        assert_eq!((first.bytes(), second.bytes()), (&b"a"[..], &b"bbbbbbbb"[..]));
        assert_eq!(whole(&["x:0|g\nx:-5|g"]).split(), None);
    }
}
