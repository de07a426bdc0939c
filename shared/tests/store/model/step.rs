//! What happens in a schedule of the model.

use proptest::prelude::*;

use super::{PLACES, REACTIONS, USERS};

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A user asks for something. It may die before these members are told; or they are told, but later.
    Write {
        who: usize,
        at: usize,
        what: What,
        untold: [bool; 3],
        late: bool,
    },
    /// A user changes how a conversation stands in the own inbox.
    Set {
        who: usize,
        at: usize,
        edit: [Option<bool>; 3],
    },
    /// Something that was not answered is asked for again.
    Retry { which: usize },
    /// A late member is told now.
    Late { which: usize },
    /// One of the frames on their way to a user arrives, or is lost.
    Frame { who: usize, which: usize, lost: bool },
    /// A user asks what was missed.
    Sync { who: usize },
    /// A user's connection is cut: what has not linked yet is forgotten.
    Cut { who: usize },
    /// A user's client forgets a conversation, and loads it anew by its history.
    Load { who: usize, at: usize },
    /// The clock goes on, or another function's clock is behind.
    Clock { ms: i8 },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// With a message to reply to, and someone to mention.
    Send(Option<usize>, Option<usize>),
    Edit(usize),
    Delete(usize),
    See(usize),
    /// Up to a message, or to the newest.
    Read(Option<usize>),
    /// A message, a reaction, and whether it is given.
    React(usize, usize, bool),
    Join,
    Leave,
    /// Blocks or unblocks the other side of a direct conversation.
    Block(bool),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let some = |below: usize| prop::option::weighted(0.3, 0..below);
    let what = prop_oneof![
        6 => (some(8), prop::option::weighted(0.5, 0..USERS.len())).prop_map(|(reply, mention)| What::Send(reply, mention)),
        2 => (0..8_usize).prop_map(What::Edit),
        2 => (0..8_usize).prop_map(What::Delete),
        1 => (0..8_usize).prop_map(What::See),
        2 => some(8).prop_map(What::Read),
        3 => (0..2_usize, 0..REACTIONS.len(), prop::bool::weighted(0.6)).prop_map(|(which, reaction, give)| What::React(which, reaction, give)),
        2 => Just(What::Join),
        1 => Just(What::Leave),
        2 => any::<bool>().prop_map(What::Block),
    ];
    let untold = prop_oneof![3 => Just([false; 3]), 1 => any::<[bool; 3]>()];
    let who = 0..USERS.len();
    // Topics more often than each of the others.
    let at = || prop_oneof![1 => 0..USERS.len(), 1 => USERS.len()..PLACES];
    let switch = || prop::option::weighted(0.4, any::<bool>());
    prop_oneof![
        10 => (who.clone(), at(), what, untold, any::<bool>())
            .prop_map(|(who, at, what, untold, late)| Step::Write { who, at, what, untold, late }),
        1 => (who.clone(), at(), [switch(), switch(), switch()]).prop_map(|(who, at, edit)| Step::Set { who, at, edit }),
        1 => any::<usize>().prop_map(|which| Step::Retry { which }),
        1 => any::<usize>().prop_map(|which| Step::Late { which }),
        8 => (who.clone(), any::<usize>(), prop::bool::weighted(0.2))
            .prop_map(|(who, which, lost)| Step::Frame { who, which, lost }),
        1 => who.clone().prop_map(|who| Step::Sync { who }),
        1 => who.clone().prop_map(|who| Step::Cut { who }),
        2 => (who, at()).prop_map(|(who, at)| Step::Load { who, at }),
        1 => any::<i8>().prop_map(|ms| Step::Clock { ms }),
    ]
}
