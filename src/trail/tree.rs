//! The Merkle tree over all links (RFC 6962, section 2.1), kept as its frontier: the roots of the perfect subtrees, at most
//! 64 hashes whatever the length of the trail. Must never need the events again.

use std::fmt;
use std::str::FromStr;

use super::Link;

/// The right edge of the tree: enough to add a leaf and to tell the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of perfect subtrees, largest (leftmost) first: one for each bit that is set in `size`.
    peaks: Vec<Link>,
}

/// Why a text is not a frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tree in the head row is damaged: run nightlatch audit verify, and restore a backup if the events verify")]
pub struct BadFrontier;

impl Frontier {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf: an event's link, which is its leaf hash already.
    pub fn push(&mut self, leaf: Link) {
        let mut node = leaf;
        // Each subtree of the same height on the left is complete now: one for each bit that carries.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = join(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root; of the empty tree the hash of nothing.
    pub fn root(&self) -> Link {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Link::of(&[]) };
        peaks.fold(*last, |right, left| join(left, &right))
    }
}

/// The hash of an inner node.
fn join(left: &Link, right: &Link) -> Link {
    let mut node = [1; 65];
    for (to, from) in node.iter_mut().skip(1).zip(left.bytes().iter().chain(right.bytes())) {
        *to = *from;
    }
    Link::of_one(&node)
}

impl fmt::Display for Frontier {
    /// As the head row keeps it: the size, then each hash, with a space between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.size)?;
        self.peaks.iter().try_for_each(|peak| write!(f, " {peak}"))
    }
}

impl FromStr for Frontier {
    type Err = BadFrontier;
    fn from_str(text: &str) -> Result<Self, BadFrontier> {
        let mut words = text.split(' ');
        let size: u64 = words.next().and_then(|word| word.parse().ok()).ok_or(BadFrontier)?;
        let peaks = words.map(str::parse).collect::<Result<Vec<Link>, _>>().map_err(|_| BadFrontier)?;
        if peaks.len() == size.count_ones() as usize { Ok(Self { size, peaks }) } else { Err(BadFrontier) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::link::unhex;

    /// The leaves and roots of the Certificate Transparency reference test.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_roots_are_those_of_rfc_6962() {
        let mut tree = Frontier::new();
        assert_eq!(tree.root().to_string(), ROOTS[0]);
        for (n, leaf) in LEAVES.iter().enumerate() {
            tree.push(Link::of(&[&[0], &unhex(leaf).unwrap()]));
            assert_eq!(tree.root().to_string(), ROOTS[n + 1], "{} leaves", n + 1);
            assert_eq!(tree.size(), n as u64 + 1);
            assert_eq!(tree.to_string().parse(), Ok(tree.clone()));
        }
    }

    #[test]
    fn a_large_tree_agrees_with_the_definition() {
        fn slow(leaves: &[Link]) -> Link {
            match leaves {
                [] => Link::of(&[]),
                [leaf] => *leaf,
                _ => {
                    let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
                    join(&slow(left), &slow(right))
                }
            }
        }
        let leaves: Vec<Link> = (0..200_u8).map(|n| Link::of(&[&[0, n]])).collect();
        let mut tree = Frontier::new();
        for (n, leaf) in leaves.iter().enumerate() {
            tree.push(*leaf);
            assert_eq!(tree.root(), slow(&leaves[..=n]));
        }
    }

    #[test]
    fn a_damaged_frontier_is_refused() {
        for bad in ["", "x", "1", "-1", "0 ", "3 00"] {
            assert_eq!(bad.parse::<Frontier>(), Err(BadFrontier), "{bad}");
        }
        assert_eq!("0".parse(), Ok(Frontier::new()));
    }
}
