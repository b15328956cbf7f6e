import ShipyardModel

extension StoreWrite {
    /// Whether a power cut may undo the write for up to a second: the attempt that it tells of may run once more,
    /// as docs/promises.md says. All else is on the disk before anything is done about it.
    package var isProgress: Bool {
        switch self {
        case .putNode, .putAgentToken, .putTask, .putNodeJob: true
        // Rows that nobody sees before the job's row, which is no progress.
        case .addTask, .openSubmission, .closeSubmission, .discardSubmission: true
        // A removal that is decided with a deletion is on the disk with it; alone it is decided again.
        case .putRemoval, .deleteRemoval, .putClock, .putLastSweep: true
        // Found again by looking again.
        case .markTriggerEvent, .deleteTriggerEvent: true
        case .putPool, .putPoolSpec, .deletePool, .deleteNode, .putJob, .putPlan, .addTemplate, .deleteJob,
            .deleteTask, .deleteNodeJobs, .keepAnswer, .putSchedule, .addScheduleVersion, .deleteSchedule,
            .putRun, .putRunJob, .deleteRun, .reactivateTask, .passPreparations, .correctRun:
            false
        // What an event has started must be known for ever.
        case .addTriggerEvent, .putTriggerBaseline:
            false
        // Whoever wrote it was told that it is written.
        case .changeDocument: false
        }
    }
}
