//! Which certificates stand behind a leaf, and in which order (RFC 5246 §7.4.2).
//!
//! Certificates are nodes, and an edge leads from each to every one that certifies it. Roots may
//! be cross-signed, so there can be several ways up, even in circles. The search walks all of
//! them best first and takes one, by rules that do not look at the order in which the
//! certificates came: the same set always gives the same file.

use std::cmp::Reverse;

use crate::candidate::{Candidate, Certifies};
use crate::error::DecodeError;

/// Signature checks allowed for one chain. An honest file needs one or two per certificate.
const MAX_CHECKS: usize = 400;

/// The best way known to a certificate.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// The earliest end of validity on the way, in seconds since 1970. A self-signed root's own
    /// is not counted: whoever trusts a root has its own copy.
    until: i64,
    /// Certificates between the leaf and this one.
    length: usize,
    /// The certificate before this one.
    from: usize,
    done: bool,
    /// Nothing in the pool certifies it.
    is_end: bool,
}

/// The leaf's issuers as places in the pool, each certifying the one before.
pub(crate) fn issuers(leaf: usize, pool: &[Candidate<'_>]) -> Result<Vec<usize>, DecodeError> {
    let mut ways: Vec<Option<Way>> = vec![None; pool.len()];
    ways[leaf] = Some(Way { until: i64::MAX, length: 0, from: leaf, done: false, is_end: false });
    let mut checks = 0;
    while let Some((node, way)) = best_open(&ways, pool) {
        let mut reached = Way { done: true, is_end: true, ..way };
        if !pool[node].is_self_signed() {
            for above in certifiers(node, pool, &mut checks)? {
                reached.is_end = false;
                let longer = step(&way, node, &pool[above]);
                if ways[above].is_none_or(|known| !known.done && better(&longer, &known)) {
                    ways[above] = Some(longer);
                }
            }
        }
        ways[node] = Some(reached);
    }
    Ok(trace(leaf, best_end(&ways, pool), &ways))
}

fn best_open(ways: &[Option<Way>], pool: &[Candidate<'_>]) -> Option<(usize, Way)> {
    ways.iter()
        .enumerate()
        .filter_map(|(node, way)| way.filter(|way| !way.done).map(|way| (node, way)))
        .max_by_key(|(node, way)| (way.until, Reverse(way.length), Reverse(pool[*node].der)))
}

fn step(way: &Way, node: usize, above: &Candidate<'_>) -> Way {
    let own = above.parsed.validity().not_after.timestamp();
    let until = if above.is_self_signed() { way.until } else { way.until.min(own) };
    Way { until, length: way.length + 1, from: node, done: false, is_end: false }
}

fn better(one: &Way, other: &Way) -> bool {
    (one.until, Reverse(one.length)) > (other.until, Reverse(other.length))
}

/// Who certifies this one; where some have the right key identifier, only those.
fn certifiers(
    node: usize,
    pool: &[Candidate<'_>],
    checks: &mut usize,
) -> Result<Vec<usize>, DecodeError> {
    let mut found = Vec::new();
    for (above, candidate) in pool.iter().enumerate() {
        if above == node || !candidate.is_namesake_of_issuer(&pool[node]) {
            continue;
        }
        *checks += 1;
        if *checks > MAX_CHECKS {
            return Err(DecodeError::TooManySignatures);
        }
        found.extend(candidate.certifies(&pool[node]).map(|how| (how, above)));
    }
    let surest = found.iter().map(|(how, _)| *how).max().unwrap_or(Certifies::Surely);
    Ok(found.into_iter().filter(|(how, _)| *how == surest).map(|(_, above)| above).collect())
}

/// Where the chain stops: at a root if there is one, else as far up as possible.
fn best_end(ways: &[Option<Way>], pool: &[Candidate<'_>]) -> usize {
    let rank = |node: usize, way: Way| {
        let root = pool[node].is_self_signed();
        // In a circle there is no end, and the leaf itself is not what is looked for.
        let until = if root || way.is_end { way.until } else { i64::MIN };
        let length = i64::try_from(way.length).unwrap_or(i64::MAX);
        let length = if root { -length } else { length };
        (root, way.is_end, until, length, Reverse(pool[node].der))
    };
    ways.iter()
        .enumerate()
        .filter_map(|(node, way)| way.map(|way| (rank(node, way), node)))
        .max()
        .map_or(0, |(_, node)| node)
}

fn trace(leaf: usize, end: usize, ways: &[Option<Way>]) -> Vec<usize> {
    let mut upwards = Vec::new();
    let mut node = end;
    while node != leaf {
        upwards.push(node);
        // Every way leads back to the leaf, by fewer steps than there are certificates.
        node = ways[node].map_or(leaf, |way| way.from);
    }
    upwards.reverse();
    upwards
}
