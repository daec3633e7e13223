//! A sorted map whose copies share what neither has changed: to look at a table of a million routes as it was at one
//! moment must not hold up the messages that change it.

use std::sync::Arc;

/// Entries of a chunk at most. What a change after a copy has to copy, and what a lookup has to shift.
const FULL: usize = 128;

/// Sorted chunks of sorted entries; none is empty.
#[derive(Clone, Debug)]
pub(super) struct SharedMap<K, V> {
    chunks: Vec<Arc<Vec<(K, V)>>>,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        SharedMap { chunks: Vec::new() }
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        let (chunk, at) = self.find(key);
        Some(&self.chunks.get(chunk)?[at.ok()?].1)
    }

    pub fn insert(&mut self, key: K, value: V) {
        let (chunk, at) = self.find(&key);
        let Some(entries) = self.chunks.get_mut(chunk) else {
            self.chunks.push(Arc::new(vec![(key, value)]));
            return;
        };
        let entries = Arc::make_mut(entries);
        let at = match at {
            Ok(at) => {
                entries[at].1 = value;
                return;
            }
            Err(at) => at,
        };
        if entries.len() < FULL {
            entries.insert(at, (key, value));
            return;
        }
        // Ascending keys, as the kernel lists them, leave full chunks behind.
        let mut right = entries.split_off(if at == FULL { FULL } else { FULL / 2 });
        match at.checked_sub(entries.len()) {
            Some(at) => right.insert(at, (key, value)),
            None => entries.insert(at, (key, value)),
        }
        self.chunks.insert(chunk + 1, Arc::new(right));
    }

    pub fn remove(&mut self, key: &K) {
        let (chunk, at) = self.find(key);
        let (Some(entries), Ok(at)) = (self.chunks.get_mut(chunk), at) else { return };
        let entries = Arc::make_mut(entries);
        entries.remove(at);
        if entries.is_empty() {
            self.chunks.remove(chunk);
        }
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.chunks.retain_mut(|entries| {
            if !entries.iter().all(|(key, _)| keep(key)) {
                Arc::make_mut(entries).retain(|(key, _)| keep(key));
            }
            !entries.is_empty()
        });
    }

    /// Gives every value for which `change` has another one that one.
    pub fn replace_values(&mut self, mut change: impl FnMut(&V) -> Option<V>) {
        for entries in &mut self.chunks {
            let changed: Vec<(usize, V)> = entries
                .iter()
                .enumerate()
                .filter_map(|(at, (_, value))| Some((at, change(value)?)))
                .collect();
            if !changed.is_empty() {
                let entries = Arc::make_mut(entries);
                changed.into_iter().for_each(|(at, value)| entries[at].1 = value);
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|entries| entries.iter()).map(|(key, value)| (key, value))
    }

    /// The entries from `first` on.
    pub fn from<'a>(&'a self, first: &K) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        let (chunk, at) = self.find(first);
        let at = at.unwrap_or_else(|at| at);
        let mut rest = self.chunks.get(chunk..).unwrap_or_default().iter();
        let begun = rest.next().map_or(&[][..], |entries| &entries[at..]);
        begun.iter().chain(rest.flat_map(|entries| entries.iter())).map(|(key, value)| (key, value))
    }

    /// The chunk that a key belongs to, and where in it the key is or would be.
    fn find(&self, key: &K) -> (usize, Result<usize, usize>) {
        let chunk = self.chunks.partition_point(|entries| entries[0].0 <= *key).saturating_sub(1);
        let within = |entries: &Arc<Vec<(K, V)>>| entries.binary_search_by(|(known, _)| known.cmp(key));
        (chunk, self.chunks.get(chunk).map_or(Err(0), within))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn listed(map: &SharedMap<u16, u8>) -> Vec<(u16, u8)> {
        map.iter().map(|(key, value)| (*key, *value)).collect()
    }

    proptest! {
        #[test]
        fn is_a_sorted_map_and_copies_stay_as_they_were(
            begun in 0u16..600,
            changes in prop::collection::vec((0u16..700, any::<Option<u8>>()), 0..400),
            from in 0u16..700,
        ) {
            let (mut map, mut model) = (SharedMap::default(), BTreeMap::new());
            for key in 0..begun {
                map.insert(key, 0);
                model.insert(key, 0);
            }
            let copy = map.clone();
            for (key, value) in changes {
                match value {
                    Some(value) => {
                        map.insert(key, value);
                        model.insert(key, value);
                    }
                    None => {
                        map.remove(&key);
                        model.remove(&key);
                    }
                }
                prop_assert_eq!(map.get(&key), model.get(&key));
            }
            prop_assert_eq!(listed(&map), model.clone().into_iter().collect::<Vec<_>>());
            let rest: Vec<u16> = map.from(&from).map(|(key, _)| *key).collect();
            prop_assert_eq!(rest, model.range(from..).map(|(key, _)| *key).collect::<Vec<_>>());
            prop_assert!(map.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= FULL));
            map.replace_values(|value| value.checked_add(1));
            map.retain(|key| key % 2 == 0);
            model.values_mut().for_each(|value| *value = value.saturating_add(1));
            model.retain(|key, _| key % 2 == 0);
            prop_assert_eq!(listed(&map), model.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(listed(&copy), (0..begun).map(|key| (key, 0)).collect::<Vec<_>>());
        }
    }
}
