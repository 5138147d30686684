//! The target assignment of a share group: every partition has readers, every member something to read, as evenly as that goes
//! (Kafka's assignor `simple`). A member keeps what it has as far as that allows, since its sessions hang on it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::rows::Rows;
use crate::coordinator::group::topics::{Partitions, Topics};

impl Rows {
    /// Shares out all that is read, anew, for the group's present epoch.
    pub(super) fn retarget(&mut self, topics: &Topics) {
        let mut targets: BTreeMap<String, Partitions> =
            self.members.keys().map(|id| (id.clone(), Partitions::new())).collect();
        for name in self.subscribed_topics() {
            let Some((id, count)) = topics.get(name) else { continue };
            let readers: Vec<_> = self
                .members
                .iter()
                .filter(|(_, row)| row.topics.contains(name))
                .map(|(member, _)| {
                    let target = self.targets.get(member).and_then(|target| target.get(&id));
                    (member.as_str(), target.cloned().unwrap_or_default())
                })
                .collect();
            for (member, given) in share_out(&readers, count) {
                if !given.is_empty() {
                    targets.entry(member.to_owned()).or_default().insert(id, given);
                }
            }
        }
        self.targets = targets;
        self.target_epoch = self.epoch();
    }
}

/// One topic's partitions for its readers, each with what it had.
fn share_out<'a>(readers: &[(&'a str, BTreeSet<i32>)], count: i32) -> BTreeMap<&'a str, BTreeSet<i32>> {
    let (members, partitions) = (readers.len(), usize::try_from(count).unwrap_or(0));
    if partitions == 0 {
        return BTreeMap::new();
    }
    // So many members read each partition, at most; all places together are shared out evenly.
    let sharing = members.div_ceil(partitions);
    let places = sharing * partitions;
    let quota = |number: usize| (number + 1) * places / members - number * places / members;
    let mut readers_of = vec![0; partitions];
    let mut given: Vec<BTreeSet<i32>> = Vec::with_capacity(members);
    for (number, (_, had)) in readers.iter().enumerate() {
        let mut kept = BTreeSet::new();
        for &partition in had.iter().filter(|partition| (0..count).contains(*partition)) {
            let readers = &mut readers_of[partition as usize];
            if kept.len() < quota(number) && *readers < sharing {
                *readers += 1;
                kept.insert(partition);
            }
        }
        given.push(kept);
    }
    let mut lacking: BTreeSet<_> = given
        .iter()
        .enumerate()
        .map(|(number, given)| (Reverse(quota(number) - given.len()), number))
        .filter(|(Reverse(lack), _)| *lack > 0)
        .collect();
    // Partitions with the fewest readers first, to members that lack the most.
    for readers in 0..sharing {
        for partition in (0..partitions).filter(|at| readers_of[*at] == readers).collect::<Vec<_>>() {
            let has_not = |(_, member): &&(_, usize)| !given[*member].contains(&(partition as i32));
            let Some((lack, member)) = lacking.iter().find(has_not).copied() else { continue };
            lacking.remove(&(lack, member));
            if lack.0 > 1 {
                lacking.insert((Reverse(lack.0 - 1), member));
            }
            readers_of[partition] += 1;
            given[member].insert(partition as i32);
        }
    }
    let is_whole =
        readers_of.iter().all(|readers| *readers > 0) && given.iter().all(|given| !given.is_empty());
    let names = readers.iter().map(|(name, _)| *name);
    if is_whole {
        return names.zip(given).collect();
    }
    // What was kept is in the way of the rest: places in a row, as if nobody had anything.
    let places_of = |number: usize| number * places / members..(number + 1) * places / members;
    let in_a_row =
        (0..members).map(|number| places_of(number).map(|place| (place % partitions) as i32).collect());
    names.zip(in_a_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(readers: &[(&'static str, &[i32])], count: i32) -> Vec<Vec<i32>> {
        let readers: Vec<_> =
            readers.iter().map(|(name, had)| (*name, had.iter().copied().collect())).collect();
        share_out(&readers, count).into_values().map(|given| given.into_iter().collect()).collect()
    }

    #[test]
    fn every_partition_is_read_and_every_member_reads() {
        for members in 1..=9_usize {
            for count in 1..=9 {
                let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
                let mut had: Vec<(&str, BTreeSet<i32>)> = Vec::new();
                for joined in 1..=members {
                    had.resize(joined, (names[joined - 1], BTreeSet::new()));
                    had[joined - 1].0 = names[joined - 1];
                    let given = share_out(&had, count);
                    let read: BTreeSet<i32> = given.values().flatten().copied().collect();
                    assert_eq!(read.len(), count as usize, "{joined} members, {count} partitions");
                    let sizes: Vec<_> = given.values().map(BTreeSet::len).collect();
                    let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
                    assert!(*least > 0 && most - least <= 1, "{sizes:?}");
                    let most_readers =
                        (0..count).map(|at| given.values().filter(|had| had.contains(&at)).count());
                    assert!(most_readers.max().unwrap() <= joined.div_ceil(count as usize));
                    had = given.into_iter().collect();
                }
            }
        }
    }

    #[test]
    fn members_keep_what_they_have_as_far_as_that_is_fair() {
        assert_eq!(shared(&[("a", &[0, 1, 2, 3]), ("b", &[])], 4), [vec![0, 1], vec![2, 3]]);
        assert_eq!(shared(&[("a", &[1, 3]), ("b", &[0, 2]), ("c", &[])], 4), [vec![1], vec![0], vec![2, 3]]);
        assert_eq!(shared(&[("a", &[]), ("b", &[0])], 1), [vec![0], vec![0]]);
    }
}
