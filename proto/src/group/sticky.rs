//! The sticky assignors: as even as the subscriptions allow, and as few moves as that takes.

use std::collections::{BTreeMap, VecDeque};

use super::Subscription;
use super::assignor::{Group, Partition, Shares};
use super::protocol::{decode_generation, decode_sticky_memory};

/// Who says to own which partitions.
pub(super) struct Claims {
    /// By partition: each claimant with the generation it claims from.
    claimants: BTreeMap<Partition, Vec<(usize, i32)>>,
}

impl Claims {
    fn new<'a>(
        group: &Group<'a>,
        claim: impl Fn(&'a Subscription) -> (Vec<super::TopicPartitions>, i32),
    ) -> Self {
        let mut claimants: BTreeMap<Partition, Vec<(usize, i32)>> = BTreeMap::new();
        for (member, (_, subscription)) in group.members.iter().enumerate() {
            let (owned, generation) = claim(subscription);
            for row in owned {
                let Some(topic) = group.topic(&row.topic) else { continue };
                let existing =
                    row.partitions.into_iter().filter(|p| (0..group.topics[topic].partitions).contains(p));
                for partition in existing {
                    let claimants = claimants.entry((topic, partition)).or_default();
                    if claimants.iter().all(|(other, _)| *other != member) {
                        claimants.push((member, generation));
                    }
                }
            }
        }
        Self { claimants }
    }

    /// Whose claim is the newest. Of two in the same generation neither is believed.
    fn owner(&self, partition: Partition) -> Option<usize> {
        let claimants = self.claimants.get(&partition)?;
        let newest = claimants.iter().map(|(_, generation)| *generation).max()?;
        let mut of_newest = claimants.iter().filter(|(_, generation)| *generation == newest);
        match (of_newest.next(), of_newest.next()) {
            (Some((member, _)), None) => Some(*member),
            _ => None,
        }
    }

    /// Whether giving the partition to this member takes it from nobody.
    fn is_free_for(&self, partition: Partition, member: usize) -> bool {
        let Some(claimants) = self.claimants.get(&partition) else { return true };
        self.owner(partition) == Some(member) || claimants.iter().all(|(claimant, _)| *claimant == member)
    }
}

/// What the members of `sticky` had before they gave it up for this rebalance. It stands in their user data; members that
/// fill `owned_partitions` instead are understood, too.
pub(super) fn remembered(group: &Group<'_>) -> Claims {
    Claims::new(group, |subscription| {
        let memory = subscription.user_data.as_deref().filter(|data| !data.is_empty());
        match memory.map(decode_sticky_memory) {
            Some(Ok(memory)) => memory,
            // Another client's garbage costs stickiness, not the assignment.
            Some(Err(_)) | None => (subscription.owned_partitions.clone(), subscription.generation),
        }
    })
}

/// What the members of `cooperative-sticky` own and read while this rebalance goes on.
fn owned(group: &Group<'_>) -> Claims {
    Claims::new(group, |subscription| {
        let generation = match (subscription.generation, &subscription.user_data) {
            (-1, Some(data)) => decode_generation(data).unwrap_or(-1),
            (generation, _) => generation,
        };
        (subscription.owned_partitions.clone(), generation)
    })
}

/// As [`assign`], less every partition that somebody else still owns: the owner sees that it is no longer his, stops
/// reading it and joins again, and then it is given out.
pub(super) fn assign_cooperatively(group: &Group<'_>) -> Shares {
    let claims = owned(group);
    let mut shares = assign(group, &claims);
    for (member, share) in shares.iter_mut().enumerate() {
        share.retain(|partition| claims.is_free_for(*partition, member));
    }
    shares
}

/// Everybody keeps what he had; what is left goes to those with the least; then partitions move from the many to the few
/// until nothing can be made more even.
pub(super) fn assign(group: &Group<'_>, claims: &Claims) -> Shares {
    let mut hands = Hands::new(group);
    for partition in hands.keep(claims) {
        hands.give_to_least(partition);
    }
    hands.even_out();
    hands.into_shares()
}

/// Partitions of one topic in one hand, each ascending. The fresh ones move first: nobody will miss them.
#[derive(Default)]
struct Held {
    kept: Vec<i32>,
    fresh: Vec<i32>,
}

/// What each member holds while the assignment is made.
struct Hands<'a> {
    group: &'a Group<'a>,
    /// By member, then by topic. No entry is empty.
    held: Vec<BTreeMap<usize, Held>>,
    /// By member: how many partitions it holds.
    load: Vec<usize>,
}

impl<'a> Hands<'a> {
    fn new(group: &'a Group<'a>) -> Self {
        let members = group.members.len();
        let held = std::iter::repeat_with(BTreeMap::new).take(members).collect();
        Self { group, held, load: vec![0; members] }
    }

    /// Leaves every partition with its owner, if he still wants it. Returns the others, those that the fewest want first.
    fn keep(&mut self, claims: &Claims) -> Vec<Partition> {
        let mut left = Vec::new();
        for (index, topic) in self.group.topics.iter().enumerate() {
            for partition in 0..topic.partitions {
                match claims.owner((index, partition)) {
                    Some(owner) if topic.subscribers.binary_search(&owner).is_ok() => {
                        self.held[owner].entry(index).or_default().kept.push(partition);
                        self.load[owner] += 1;
                    }
                    _ => left.push((index, partition)),
                }
            }
        }
        left.sort_by_key(|(topic, partition)| {
            (self.group.topics[*topic].subscribers.len(), *topic, *partition)
        });
        left
    }

    fn give_to_least(&mut self, (topic, partition): Partition) {
        let subscribers = &self.group.topics[topic].subscribers;
        let least = subscribers.iter().copied().min_by_key(|member| self.load[*member]);
        let member = least.expect("a topic of the group has a subscriber");
        self.held[member].entry(topic).or_default().fresh.push(partition);
        self.load[member] += 1;
    }

    /// Moves partitions along paths from a member to one with at least two less, until there is no such path. Then no
    /// other assignment is more even (as for semi-matchings: Harvey, Ladner, Lovász and Tamir, 2003).
    fn even_out(&mut self) {
        // From the fullest down: whoever has no path then will not get one, for all within his reach have as much as he,
        // or one less, and nobody who comes after him has more.
        let mut settled = vec![false; self.load.len()];
        let fullest = |load: &[usize], settled: &[bool]| {
            (0..load.len()).filter(|member| !settled[*member]).max_by_key(|member| load[*member])
        };
        while let Some(from) = fullest(&self.load, &settled) {
            let path = self.path_down(from);
            settled[from] = path.is_empty();
            for (giver, topic, taker) in path {
                self.pass(giver, topic, taker);
            }
        }
    }

    /// The steps (giver, topic, taker) from `from` to the least loaded member within reach, if it has at least two
    /// partitions less; a shortest path, for each step moves a partition. The last step comes first. Empty if there is none.
    fn path_down(&self, from: usize) -> Vec<(usize, usize, usize)> {
        let Some(low_enough) = self.load[from].checked_sub(2) else { return Vec::new() };
        let least = self.load.iter().copied().min().unwrap_or(0);
        if least > low_enough {
            return Vec::new();
        }
        let mut reached_by: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        let mut seen_topics = vec![false; self.group.topics.len()];
        let mut queue = VecDeque::from([from]);
        let mut best: Option<usize> = None;
        'search: while let Some(giver) = queue.pop_front() {
            for topic in self.held[giver].keys().copied() {
                if std::mem::replace(&mut seen_topics[topic], true) {
                    continue;
                }
                for taker in self.group.topics[topic].subscribers.iter().copied() {
                    if taker == from || reached_by.contains_key(&taker) {
                        continue;
                    }
                    reached_by.insert(taker, (giver, topic));
                    if self.load[taker] <= low_enough
                        && best.is_none_or(|best| self.load[taker] < self.load[best])
                    {
                        best = Some(taker);
                        if self.load[taker] == least {
                            break 'search;
                        }
                    }
                    queue.push_back(taker);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = best;
        while let Some(taker) = at.filter(|member| *member != from) {
            let (giver, topic) = reached_by[&taker];
            path.push((giver, topic, taker));
            at = Some(giver);
        }
        path
    }

    fn pass(&mut self, giver: usize, topic: usize, taker: usize) {
        let held = self.held[giver].get_mut(&topic).expect("a step of a path starts where the topic is held");
        let partition = held.fresh.pop().or_else(|| held.kept.pop()).expect("no entry is empty");
        if held.fresh.is_empty() && held.kept.is_empty() {
            self.held[giver].remove(&topic);
        }
        self.held[taker].entry(topic).or_default().fresh.push(partition);
        self.load[giver] -= 1;
        self.load[taker] += 1;
    }

    fn into_shares(self) -> Shares {
        let share = |topics: BTreeMap<usize, Held>| {
            let each = topics.into_iter().flat_map(|(topic, held)| {
                held.kept.into_iter().chain(held.fresh).map(move |partition| (topic, partition))
            });
            each.collect()
        };
        self.held.into_iter().map(share).collect()
    }
}
