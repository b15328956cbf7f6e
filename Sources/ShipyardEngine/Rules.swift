import ShipyardModel
import ShipyardPlanner

/// What the engine must know of a pool's specification.
package struct PoolRules: Sendable, Hashable {
    package var nodeFillType = NodeFillType.spread
    package var hasStartTask = false
    package var startTaskRetries = 0
    package var waitsForStartTask = true
    package var rebootsOnStartTaskFailed = false

    package init() {}
}

/// What the engine must know of a job's plan and of its templates.
package struct JobRules: Sendable, Hashable {
    package var maxWallTime: TimeSpan?
    package var hasPreparation = false
    package var hasRelease = false
    package var performsJobAction = false
    /// The pool goes when the job completes.
    package var removesPool = false
    /// Its pool is that of all runs of its schedule.
    package var sharesPoolOfSchedule = false
    package var templates: [TaskRules] = []

    package init() {}

    /// Without the templates, which come with the tasks, or from rows of their own.
    package init(_ plan: JobPlan) {
        maxWallTime = plan.maxWallTime
        hasPreparation = plan.needsPreparation
        hasRelease = plan.releaseCommand != nil
        performsJobAction = plan.performsExitOptionsJobAction
        removesPool = plan.autoPool.map { !$0.keepAlive } ?? false
        sharesPoolOfSchedule = plan.autoPool?.lifetime == .jobSchedule
    }
}

/// What a submission adds to its job: templates, and switches that come on with it. None goes off.
package struct JobAddition: Sendable, Hashable {
    package var templates: [TaskRules] = []
    package var autoComplete = false
    package var performsJobAction = false

    package init() {}

    package init(_ plan: JobPlan) {
        templates = plan.templates.map(TaskRules.init)
        autoComplete = plan.autoComplete
        performsJobAction = plan.performsExitOptionsJobAction
    }
}

/// What the engine must know of a task, shared by all tasks of a template.
package struct TaskRules: Sendable, Hashable {
    /// -1 is no limit.
    package var maxTaskRetries = 0
    /// What it takes of a node.
    package var needs = Resources(slots: 1)
    package var jobAction = JobAction.none
    package var dependencyAction = DependencyAction.block
    /// Where the command has succeeded and its files could not be stored; nil is as for any failure.
    package var uploadErrorJobAction: JobAction?
    package var uploadErrorDependencyAction: DependencyAction?
    /// For how long the files of a task stay, counted from its end; nil is for ever.
    package var retention: TimeSpan?
    /// Files are fetched before the command, so a task is `preparing` for a while.
    package var hasStaging = false

    package init() {}

    package init(_ template: TaskTemplate) {
        maxTaskRetries = template.maxTaskRetries
        needs = Resources(slots: template.requiredSlots)
        jobAction = template.jobAction
        dependencyAction = template.dependencyAction
        retention = template.retentionTime
        uploadErrorJobAction = template.uploadErrorJobAction
        uploadErrorDependencyAction = template.uploadErrorDependencyAction
        hasStaging =
            !template.resourceFiles.isEmpty || template.inputData != nil || template.hasFactoryFile == true
    }
}
