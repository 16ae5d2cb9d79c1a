//! A cluster that runs, as those see it who load it and who disturb it: in one process or in many.

use std::error::Error;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::message::ReplicaIndex;
use crate::network::Requests;
use crate::node::Trouble;

/// What can be done to a cluster that runs.
pub trait Stage {
    /// How many replicas there are, whether they run or not.
    fn replicas(&self) -> usize;
    /// The way for clients.
    fn requests(&self) -> Arc<dyn Requests>;
    /// Whether a replica was started and not crashed.
    fn is_started(&self, replica: ReplicaIndex) -> bool;
    /// A replica that ended without having been told to.
    fn failed(&mut self) -> Option<ReplicaIndex>;
    /// Stops a replica at once, as when its power fails.
    ///
    /// # Errors
    /// If it ended badly before.
    fn crash(&mut self, replica: ReplicaIndex) -> Result<(), Box<dyn Error>>;
    /// Starts a replica that does not run.
    ///
    /// # Errors
    /// If it does not start.
    fn restart(&mut self, replica: ReplicaIndex) -> Result<(), Box<dyn Error>>;
    /// Has something go wrong with a replica.
    ///
    /// # Errors
    /// If the trouble cannot be made.
    fn trouble(&mut self, replica: ReplicaIndex, trouble: Trouble) -> Result<(), Box<dyn Error>>;
    /// Stops all replicas.
    ///
    /// # Errors
    /// If one ended badly, or they do not agree, as far as it can be told.
    fn stop(self: Box<Self>) -> Result<(), Box<dyn Error>>;
}

impl Stage for Cluster {
    fn replicas(&self) -> usize {
        self.replicas()
    }

    fn requests(&self) -> Arc<dyn Requests> {
        Arc::clone(self.network()) as _
    }

    fn is_started(&self, replica: ReplicaIndex) -> bool {
        self.is_started(replica)
    }

    fn failed(&mut self) -> Option<ReplicaIndex> {
        Cluster::failed(self)
    }

    fn crash(&mut self, replica: ReplicaIndex) -> Result<(), Box<dyn Error>> {
        Ok(Cluster::crash(self, replica)?)
    }

    fn restart(&mut self, replica: ReplicaIndex) -> Result<(), Box<dyn Error>> {
        Ok(Cluster::restart(self, replica)?)
    }

    fn trouble(&mut self, replica: ReplicaIndex, trouble: Trouble) -> Result<(), Box<dyn Error>> {
        Ok(Cluster::trouble(self, replica, trouble)?)
    }

    fn stop(self: Box<Self>) -> Result<(), Box<dyn Error>> {
        let replicas = Cluster::stop(*self)?;
        // Replicas that executed the same number of operations must have executed the same ones.
        for (a, b) in replicas.iter().zip(replicas.iter().skip(1)) {
            if a.commit_number() == b.commit_number() && a.state() != b.state() {
                let (a, b) = (a.index(), b.index());
                return Err(format!("replicas `{a}` and `{b}` executed different operations").into());
            }
        }
        Ok(())
    }
}
