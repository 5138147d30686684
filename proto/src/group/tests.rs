use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn rows(partitions: &BTreeSet<(String, i32)>) -> Vec<TopicPartitions> {
    let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in partitions {
        by_topic.entry(topic).or_default().push(*partition);
    }
    by_topic
        .into_iter()
        .map(|(topic, partitions)| TopicPartitions { topic: topic.to_owned(), partitions })
        .collect()
}

fn pairs(rows: &[TopicPartitions]) -> BTreeSet<(String, i32)> {
    rows.iter()
        .flat_map(|row| row.partitions.iter().map(|partition| (row.topic.clone(), *partition)))
        .collect()
}

/// A member that subscribes to the topics of `wants` and owns those of `owns`, written as `t0:1 t1:0`.
fn member(id: &str, wants: &str, owns: &str, generation: i32) -> (String, Subscription) {
    let owned = owns.split_whitespace().map(|pair| {
        let (topic, partition) = pair.split_once(':').expect("written as topic:partition");
        (topic.to_owned(), partition.parse().expect("a number"))
    });
    let subscription = Subscription {
        topics: wants.split_whitespace().map(str::to_owned).collect(),
        owned_partitions: rows(&owned.collect()),
        generation,
        ..Subscription::default()
    };
    (id.to_owned(), subscription)
}

fn counts(topics: &[(&str, i32)]) -> BTreeMap<String, i32> {
    topics.iter().map(|(topic, count)| ((*topic).to_owned(), *count)).collect()
}

/// What each member got, written as in [`member`].
fn shown(assignments: &BTreeMap<String, Assignment>) -> Vec<String> {
    let show = |assignment: &Assignment| {
        let each = assignment
            .partitions
            .iter()
            .flat_map(|row| row.partitions.iter().map(|partition| format!("{}:{partition}", row.topic)));
        each.collect::<Vec<_>>().join(" ")
    };
    assignments.values().map(show).collect()
}

mod protocol {
    use super::*;

    #[test]
    fn a_subscription_has_kafkas_bytes() {
        let subscription = Subscription {
            topics: vec!["ab".to_owned()],
            user_data: Some(Bytes::from_static(b"!")),
            owned_partitions: vec![TopicPartitions { topic: "c".to_owned(), partitions: vec![1, 258] }],
            generation: 7,
            rack: Some("r".to_owned()),
        };
        let bytes: &[u8] = b"\0\x03\0\0\0\x01\0\x02ab\0\0\0\x01!\0\0\0\x01\0\x01c\0\0\0\x02\0\0\0\x01\0\0\x01\x02\0\0\0\x07\0\x01r";
        assert_eq!(subscription.encode(), bytes);
        assert_eq!(Subscription::decode(bytes), Ok(subscription));
    }

    #[test]
    fn an_assignment_has_kafkas_bytes() {
        let assignment = Assignment {
            partitions: vec![TopicPartitions { topic: "t".to_owned(), partitions: vec![0] }],
            user_data: None,
        };
        let bytes: &[u8] = b"\0\x03\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\xff\xff\xff\xff";
        assert_eq!(assignment.encode(), bytes);
        assert_eq!(Assignment::decode(bytes), Ok(assignment));
        assert_eq!(Assignment::decode(b""), Ok(Assignment::default()));
    }

    #[test]
    fn older_versions_end_earlier() {
        let fields: &[u8] = b"\0\0\0\x01\0\x01t\xff\xff\xff\xff";
        let owned: &[u8] = b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x05";
        let v0 = Subscription { topics: vec!["t".to_owned()], ..Subscription::default() };
        let v1 = Subscription {
            owned_partitions: vec![TopicPartitions { topic: "t".to_owned(), partitions: vec![5] }],
            ..v0.clone()
        };
        let v2 = Subscription { generation: 9, ..v1.clone() };
        assert_eq!(Subscription::decode(&[b"\0\0", fields].concat()), Ok(v0));
        assert_eq!(Subscription::decode(&[b"\0\x01", fields, owned].concat()), Ok(v1));
        assert_eq!(Subscription::decode(&[b"\0\x02", fields, owned, b"\0\0\0\x09"].concat()), Ok(v2));
    }

    #[test]
    fn an_unknown_version_is_read_as_the_newest_known() {
        let known = Subscription { topics: vec!["t".to_owned()], generation: 3, ..Subscription::default() };
        let mut bytes = known.encode().to_vec();
        bytes[..2].copy_from_slice(&77i16.to_be_bytes());
        bytes.extend_from_slice(b"fields to come");
        assert_eq!(Subscription::decode(&bytes), Ok(known));
        assert_eq!(Subscription::decode(b"\xff\xff"), Err(DecodeError::Version(-1)));
    }

    #[test]
    fn counts_are_not_believed() {
        let bombs: [&[u8]; 3] = [
            b"\0\0\x7f\xff\xff\xff",
            b"\0\x01\0\0\0\0\xff\xff\xff\xff\x7f\xff\xff\xff\0\0\0\0\0\0",
            b"\0\0\0\0\0\x01\x7f",
        ];
        for bomb in bombs {
            assert_eq!(Subscription::decode(bomb), Err(DecodeError::Truncated), "{bomb:?}");
        }
        assert_eq!(Assignment::decode(b"\0\0\x7f\xff\xff\xff\0\0"), Err(DecodeError::Truncated));
        assert!(matches!(Assignment::decode(b"\0\0\xff\xff\xff\xff"), Err(DecodeError::Malformed(_))));
        assert!(matches!(Subscription::decode(b"\0\0\0\0\0\x01\xff\xff"), Err(DecodeError::Malformed(_))));
    }

    fn partitions() -> impl Strategy<Value = Vec<TopicPartitions>> {
        let row = ("[a-z.]{0,9}", prop::collection::vec(0..i32::MAX, 0..5));
        let row = row.prop_map(|(topic, partitions)| TopicPartitions { topic, partitions });
        prop::collection::vec(row, 0..5)
    }

    fn user_data() -> impl Strategy<Value = Option<Bytes>> {
        prop::option::of(prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from))
    }

    prop_compose! {
        fn subscription()(
            topics in prop::collection::vec("\\PC{0,9}", 0..5),
            user_data in user_data(),
            owned_partitions in partitions(),
            generation in any::<i32>(),
            rack in prop::option::of("[a-z]{0,5}"),
        ) -> Subscription {
            Subscription { topics, user_data, owned_partitions, generation, rack }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(subscription in subscription(), partitions in partitions(), data in user_data()) {
            prop_assert_eq!(Subscription::decode(&subscription.encode()), Ok(subscription));
            let assignment = Assignment { partitions, user_data: data };
            prop_assert_eq!(Assignment::decode(&assignment.encode()), Ok(assignment));
        }

        #[test]
        fn a_cut_message_is_refused(subscription in subscription(), cut in any::<prop::sample::Index>()) {
            let bytes = subscription.encode();
            let cut = &bytes[..cut.index(bytes.len())];
            prop_assert_eq!(Subscription::decode(cut), Err(DecodeError::Truncated));
        }

        #[test]
        fn no_bytes_are_fatal(bytes in prop::collection::vec(any::<u8>(), 0..200), version in -1..5i16) {
            let bytes = [&version.to_be_bytes()[..], &bytes].concat();
            let _: Result<Subscription, DecodeError> = Subscription::decode(&bytes);
            let _: Result<Assignment, DecodeError> = Assignment::decode(&bytes);
        }
    }
}

mod assignors {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        for assignor in Assignor::ALL {
            assert_eq!(assignor.name().parse(), Ok(assignor));
        }
        assert!("uniform".parse::<Assignor>().is_err());
    }

    // The examples of the class comments of Kafka's assignors.

    #[test]
    fn range_gives_contiguous_partitions_of_each_topic() {
        let members = [member("c1", "t0 t1", "", -1), member("c0", "t1 t0", "", -1)];
        let given = Assignor::Range.assign(&members, &counts(&[("t0", 3), ("t1", 3)]));
        assert_eq!(shown(&given), ["t0:0 t0:1 t1:0 t1:1", "t0:2 t1:2"]);
    }

    #[test]
    fn round_robin_goes_on_across_topics() {
        let members = [member("c0", "t0 t1", "", -1), member("c1", "t0 t1", "", -1)];
        let given = Assignor::RoundRobin.assign(&members, &counts(&[("t0", 3), ("t1", 3)]));
        assert_eq!(shown(&given), ["t0:0 t0:2 t1:1", "t0:1 t1:0 t1:2"]);
    }

    #[test]
    fn uneven_subscriptions() {
        let members =
            [member("c0", "t0", "", -1), member("c1", "t0 t1", "", -1), member("c2", "t0 t1 t2", "", -1)];
        let counts = counts(&[("t0", 1), ("t1", 2), ("t2", 3), ("nobody's", 4)]);
        let given = Assignor::RoundRobin.assign(&members, &counts);
        assert_eq!(shown(&given), ["t0:0", "t1:0", "t1:1 t2:0 t2:1 t2:2"]);
        for sticky in [Assignor::Sticky, Assignor::CooperativeSticky] {
            assert_eq!(shown(&sticky.assign(&members, &counts)), ["t0:0", "t1:0 t1:1", "t2:0 t2:1 t2:2"]);
        }
    }

    #[test]
    fn sticky_leaves_partitions_where_they_are_when_a_member_goes() {
        let counts = counts(&[("t0", 2), ("t1", 2), ("t2", 2), ("t3", 2)]);
        let all = "t0 t1 t2 t3";
        let stay = [member("c0", all, "t0:0 t1:1 t3:0", 1), member("c2", all, "t1:0 t2:1", 1)];
        let given = Assignor::Sticky.assign(&stay, &counts);
        assert_eq!(shown(&given), ["t0:0 t1:1 t2:0 t3:0", "t0:1 t1:0 t2:1 t3:1"]);
    }

    #[test]
    fn the_memory_of_sticky_members_travels_in_user_data() {
        let data = Assignor::Sticky.user_data(&pairs_of("t:0 t:3"), 5);
        let mut fresh = member("a", "t", "", -1);
        let mut back = member("b", "t", "", -1);
        back.1.user_data = data;
        let given = Assignor::Sticky.assign(&[fresh.clone(), back.clone()], &counts(&[("t", 4)]));
        assert_eq!(shown(&given), ["t:1 t:2", "t:0 t:3"]);
        // A newer generation is believed; garbage is no reason to fail.
        fresh.1.user_data = Assignor::Sticky.user_data(&pairs_of("t:0 t:1"), 6);
        let given = Assignor::Sticky.assign(&[fresh.clone(), back], &counts(&[("t", 4)]));
        assert_eq!(shown(&given), ["t:0 t:1", "t:2 t:3"]);
        fresh.1.user_data = Some(Bytes::from_static(b"\x7f\xff\xff\xff"));
        assert_eq!(shown(&Assignor::Sticky.assign(&[fresh], &counts(&[("t", 2)]))), ["t:0 t:1"]);
    }

    fn pairs_of(text: &str) -> Vec<TopicPartitions> {
        member("", "", text, -1).1.owned_partitions
    }

    #[test]
    fn cooperative_takes_first_and_gives_in_the_next_round() {
        let counts = counts(&[("t", 4)]);
        let first = [member("a", "t", "t:0 t:1 t:2 t:3", 1), member("b", "t", "", -1)];
        assert_eq!(shown(&Assignor::CooperativeSticky.assign(&first, &counts)), ["t:0 t:1", ""]);
        let second = [member("a", "t", "t:0 t:1", 2), member("b", "t", "", 2)];
        assert_eq!(shown(&Assignor::CooperativeSticky.assign(&second, &counts)), ["t:0 t:1", "t:2 t:3"]);
    }

    #[test]
    fn cooperative_believes_the_newest_claim_and_neither_of_two() {
        let counts = counts(&[("t", 2)]);
        let stale = [member("a", "t", "t:0 t:1", 3), member("b", "t", "t:1", 4)];
        assert_eq!(shown(&Assignor::CooperativeSticky.assign(&stale, &counts)), ["t:0", "t:1"]);
        let torn = [member("a", "t", "t:0 t:1", 4), member("b", "t", "t:1", 4)];
        assert_eq!(shown(&Assignor::CooperativeSticky.assign(&torn, &counts)), ["t:0", ""]);
        // An older client says its generation in the user data.
        let mut old = member("a", "t", "t:0 t:1", -1);
        old.1.user_data = Assignor::CooperativeSticky.user_data(&[], 5);
        let given = Assignor::CooperativeSticky.assign(&[old, member("b", "t", "t:1", 4)], &counts);
        assert_eq!(shown(&given), ["t:0", ""]);
    }

    #[test]
    fn a_path_of_moves_is_found_where_no_single_move_helps() {
        // c0 can give only t0 to c1, who can give t1 to c2.
        let members = [
            member("c0", "t0", "t0:0 t0:1 t0:2", 1),
            member("c1", "t0 t1", "t1:0 t1:1", 1),
            member("c2", "t1", "t1:2", 1),
        ];
        let given = Assignor::Sticky.assign(&members, &counts(&[("t0", 3), ("t1", 3)]));
        assert_eq!(shown(&given), ["t0:0 t0:1", "t0:2 t1:0", "t1:1 t1:2"]);
    }

    #[test]
    fn a_large_group_is_shared_out_at_once() {
        let topics: Vec<String> = (0..500).map(|n| format!("t{n:03}")).collect();
        let counts: BTreeMap<String, i32> = topics.iter().map(|topic| (topic.clone(), 20)).collect();
        let everything = rows(&counts.keys().flat_map(|t| (0..20).map(|p| (t.clone(), p))).collect());
        let wants = Subscription { topics, ..Subscription::default() };
        let mut members: Vec<_> = (0..200).map(|n| (format!("m{n}"), wants.clone())).collect();
        members[0].1.owned_partitions = everything;
        let given = Assignor::Sticky.assign(&members, &counts);
        assert!(given.values().all(|assignment| pairs(&assignment.partitions).len() == 50));
    }
}

mod properties {
    use super::*;

    #[derive(Debug, Clone)]
    struct World {
        members: Vec<(String, Subscription)>,
        counts: BTreeMap<String, i32>,
    }

    fn topic(n: usize) -> String {
        format!("t{n}")
    }

    prop_compose! {
        /// Up to seven members with claims that may clash, be out of date or name what is gone.
        fn world()(
            counts in prop::collection::vec(0..9i32, 1..5),
            everything in any::<bool>(),
            members in prop::collection::vec(
                (
                    prop::collection::btree_set(0..5usize, 0..5),
                    prop::collection::btree_set((0..5usize, 0..10i32), 0..12),
                    0..4i32,
                ),
                1..8,
            ),
        ) -> World {
            let all: BTreeSet<usize> = (0..counts.len()).collect();
            let members = members.into_iter().enumerate().map(|(n, (wants, owns, generation))| {
                let wants = if everything { &all } else { &wants };
                let subscription = Subscription {
                    topics: wants.iter().map(|n| topic(*n)).collect(),
                    owned_partitions: rows(&owns.into_iter().map(|(n, partition)| (topic(n), partition)).collect()),
                    generation,
                    ..Subscription::default()
                };
                (format!("m{n}"), subscription)
            });
            let counts = counts.into_iter().enumerate().map(|(n, count)| (topic(n), count)).collect();
            World { members: members.collect(), counts }
        }
    }

    impl World {
        fn subscribes(&self, id: &str, topic: &str) -> bool {
            self.members.iter().any(|(other, wants)| other == id && wants.topics.iter().any(|t| t == topic))
        }

        /// Every partition of a topic that somebody wants.
        fn wanted(&self) -> BTreeSet<(String, i32)> {
            let topics =
                self.counts.iter().filter(|(t, _)| self.members.iter().any(|(id, _)| self.subscribes(id, t)));
            topics
                .flat_map(|(topic, count)| (0..*count).map(|partition| (topic.clone(), partition)))
                .collect()
        }

        fn is_uniform(&self) -> bool {
            self.members.iter().all(|(_, wants)| wants.topics == self.members[0].1.topics)
        }

        fn owned(&self, id: &str) -> BTreeSet<(String, i32)> {
            let (_, subscription) = self.members.iter().find(|(other, _)| other == id).expect("a member");
            pairs(&subscription.owned_partitions)
        }
    }

    type Given = BTreeMap<String, BTreeSet<(String, i32)>>;

    fn give(assignor: Assignor, world: &World) -> Given {
        let given = assignor.assign(&world.members, &world.counts);
        given.into_iter().map(|(id, assignment)| (id, pairs(&assignment.partitions))).collect()
    }

    /// Everybody is there, nobody gets what he did not ask for, nothing is given twice. Returns what was given.
    fn check_sound(world: &World, given: &Given) -> Result<BTreeSet<(String, i32)>, TestCaseError> {
        prop_assert!(given.keys().eq(world.members.iter().map(|(id, _)| id)));
        let mut all = BTreeSet::new();
        for (id, partitions) in given {
            for partition in partitions {
                prop_assert!(world.subscribes(id, &partition.0), "{id} got {partition:?}");
                prop_assert!(all.insert(partition.clone()), "{partition:?} is given twice");
            }
        }
        Ok(all)
    }

    fn check_even(world: &World, given: &Given) -> Result<(), TestCaseError> {
        for (rich, partitions) in given {
            for (poor, fewer) in given {
                let movable = partitions.iter().any(|(topic, _)| world.subscribes(poor, topic));
                prop_assert!(!movable || partitions.len() <= fewer.len() + 1, "{rich} could give to {poor}");
            }
        }
        Ok(())
    }

    /// A model of the claims: each partition's only newest claimant.
    fn owners(world: &World) -> BTreeMap<(String, i32), String> {
        let mut claims: BTreeMap<(String, i32), Vec<(i32, String)>> = BTreeMap::new();
        for (id, subscription) in &world.members {
            for partition in world.owned(id) {
                claims.entry(partition).or_default().push((subscription.generation, id.clone()));
            }
        }
        let newest = claims.into_iter().filter_map(|(partition, mut claims)| {
            claims.sort();
            let (generation, id) = claims.pop()?;
            let unique = claims.last().is_none_or(|(other, _)| *other < generation);
            unique.then_some((partition, id))
        });
        newest.collect()
    }

    proptest! {
        #[test]
        fn every_partition_goes_to_exactly_one_subscriber(world in world()) {
            for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky] {
                let given = give(assignor, &world);
                prop_assert_eq!(check_sound(&world, &given)?, world.wanted(), "{}", assignor);
                if world.is_uniform() && assignor != Assignor::Range {
                    check_even(&world, &given)?;
                }
            }
        }

        #[test]
        fn range_is_even_and_contiguous_by_topic(world in world()) {
            for (id, partitions) in give(Assignor::Range, &world) {
                for (topic, count) in &world.counts {
                    let got: Vec<i32> = partitions.iter().filter(|(t, _)| t == topic).map(|(_, p)| *p).collect();
                    prop_assert!(got.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{id} got {got:?} of {topic}");
                    let subscribers = world.members.iter().filter(|(id, _)| world.subscribes(id, topic)).count();
                    if world.subscribes(&id, topic) {
                        let each = *count as usize / subscribers;
                        prop_assert!(got.len() == each || got.len() == each + 1);
                    }
                }
            }
        }

        #[test]
        fn sticky_is_as_even_as_subscriptions_allow(world in world()) {
            check_even(&world, &give(Assignor::Sticky, &world))?;
        }

        #[test]
        fn sticky_moves_no_more_than_evenness_takes(world in world()) {
            prop_assume!(world.is_uniform());
            let wanted = world.wanted();
            let owners = owners(&world);
            let given = give(Assignor::Sticky, &world);
            let stayed = wanted.iter().filter(|p| owners.get(*p).is_some_and(|owner| given[owner].contains(*p))).count();
            // Everybody may keep the lower share; some, as many as there are larger shares, one more.
            let (each, larger) = (wanted.len() / given.len(), wanted.len() % given.len());
            let had = |id: &String| wanted.iter().filter(|p| owners.get(*p) == Some(id)).count();
            let base: usize = given.keys().map(|id| had(id).min(each)).sum();
            let more = given.keys().filter(|id| had(id) > each).count().min(larger);
            prop_assert_eq!(stayed, base + more);
        }

        #[test]
        fn nothing_moves_when_nothing_changed(mut world in world()) {
            for round in 10..12 {
                let before = give(Assignor::Sticky, &world);
                for (id, subscription) in &mut world.members {
                    subscription.owned_partitions = rows(&before[id]);
                    subscription.generation = round;
                }
                prop_assert_eq!(give(Assignor::Sticky, &world), before);
            }
        }

        #[test]
        fn only_the_partitions_of_the_member_that_left_move(mut world in world()) {
            prop_assume!(world.is_uniform() && world.members.len() > 1);
            let before = give(Assignor::Sticky, &world);
            for (id, subscription) in &mut world.members {
                subscription.owned_partitions = rows(&before[id]);
                subscription.generation = 10;
            }
            world.members.pop();
            for (id, now) in give(Assignor::Sticky, &world) {
                prop_assert!(now.is_superset(&before[&id]), "{id} lost something");
            }
        }

        #[test]
        fn cooperative_hands_over_in_two_steps_and_ends_even(mut world in world()) {
            // Members and topics that changed are in `world`; it settles when the same is given twice.
            for round in 0..4 {
                let given = give(Assignor::CooperativeSticky, &world);
                let all = check_sound(&world, &given)?;
                let owners = owners(&world);
                for (id, partitions) in &given {
                    for partition in partitions.iter().filter(|p| owners.get(*p) != Some(id)) {
                        let other = world.members.iter().find(|(o, _)| o != id && world.owned(o).contains(partition));
                        prop_assert!(other.is_none(), "{id} got {partition:?}, which {other:?} still owns");
                    }
                }
                let settled = world.members.iter().all(|(id, _)| world.owned(id) == given[id]);
                if settled {
                    prop_assert_eq!(all, world.wanted());
                    check_even(&world, &given)?;
                    return Ok(());
                }
                for (id, subscription) in &mut world.members {
                    subscription.owned_partitions = rows(&given[id]);
                    subscription.generation = 10 + round;
                }
            }
            prop_assert!(false, "it does not settle");
        }
    }
}
