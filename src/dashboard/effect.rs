//! Everything that the dashboard may cause. The loop carries it out; nothing here does.

use super::model::Detail;
use super::msg::{ActId, AskId};
use crate::wire::ListQuery;

/// So many events are read at a time.
pub const EVENTS: usize = 200;

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read this request again, with what this viewer may do: answered by `Msg::Request`.
    Read(i64),
    /// Read the events of a request: answered by `Msg::Events`.
    ReadEvents {
        /// Its number.
        id: i64,
        /// Only those after this sequence number; 0: all.
        after: i64,
    },
    /// Read the systems: answered by `Msg::Systems`.
    ReadSystems,
    /// Read a page of requests: answered by `Msg::Listed`.
    List {
        /// Its number, for the answer.
        ask: AskId,
        /// Which requests.
        query: Box<ListQuery>,
    },
    /// Run the checks on a request that is being written: answered by `Msg::Checked`.
    Check {
        /// Its number, for the answer.
        ask: AskId,
        /// The body, as for filing.
        body: serde_json::Value,
    },
    /// File a request, or mend one: answered by `Msg::Filed`. Never kept to be sent later.
    File {
        /// Its number, for the answer.
        act: ActId,
        /// The request that is mended; none: a new one.
        mends: Option<i64>,
        /// The body.
        body: serde_json::Value,
    },
    /// Send a command: `POST /v1/requests/{id}/{verb}` under one idempotency key, answered by `Msg::Acted`. Offline it is
    /// never kept to be sent later.
    Act {
        /// Its number, for the answer.
        act: ActId,
        /// The request that was on the screen.
        id: i64,
        /// The verb, as in the path.
        verb: &'static str,
        /// The body.
        body: serde_json::Value,
    },
    /// Release the claim of an earlier act: sent, its answer is of no interest.
    Release(i64),
    /// Ask for the whole board again, at once.
    Resync,
    /// Put this on the clipboard.
    Copy(String),
    /// Open this address in a browser.
    Open(String),
    /// Ring the terminal's bell once.
    Bell,
    /// Wheel and clicks are told, or left to the terminal.
    Mouse(bool),
    /// Stop, as Ctrl-Z does.
    Suspend,
    /// Leave.
    Quit,
}

impl Effect {
    /// What reads the open request again, and what happened to it since.
    pub fn again(detail: &Detail) -> [Self; 2] {
        [Self::Read(detail.id), Self::ReadEvents { id: detail.id, after: detail.known() }]
    }
}
