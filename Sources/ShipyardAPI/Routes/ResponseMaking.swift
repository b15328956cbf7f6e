import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardStore

// From records to the answers of the API.

extension ExecutionResponse {
    init(_ result: AttemptResult?, retryCount: Int, requeueCount: Int) {
        self.init(
            startTime: result?.startTime.iso8601, endTime: result?.endTime.iso8601,
            exitCode: result?.outcome.exitCode,
            result: result.map {
                $0.isSuccess ? ExecutionResult.success.rawValue : ExecutionResult.failure.rawValue
            },
            failureInfo: result?.failure.map(FailureResponse.init),
            uploadFailureInfo: result?.uploadFailure.map { FailureResponse($0.failure) },
            retryCount: retryCount, requeueCount: requeueCount,
            wallTimeMilliseconds: result.map { Double($0.usage.wallTimeMicroseconds) / 1000 },
            userTimeMilliseconds: result.map { Double($0.usage.userTimeMicroseconds) / 1000 },
            systemTimeMilliseconds: result.map { Double($0.usage.systemTimeMicroseconds) / 1000 },
            peakMemoryBytes: result?.usage.peakMemoryBytes)
    }

    init(_ progress: TaskProgress) {
        self.init(
            progress.result, retryCount: Int(progress.retryCount), requeueCount: Int(progress.requeueCount))
        if startTime == nil { startTime = progress.assignedTime?.iso8601 }
    }
}

extension FailureResponse {
    init(_ failure: FailureInfo) {
        self.init(category: failure.category.rawValue, code: failure.code, message: failure.message)
    }
}

extension TransferResponse {
    init(_ entry: TransferBoard.Entry) {
        let progress = entry.progress
        self.init(
            direction: progress.direction == .upload ? "upload" : "download", files: progress.files,
            bytes: progress.bytes, totalFiles: progress.totalFiles, totalBytes: progress.totalBytes,
            bytesPerSecond: entry.bytesPerSecond)
    }
}

extension TaskCountsResponse {
    init(_ counts: TaskCounts) {
        self.init(
            active: counts.active, running: counts.running, completed: counts.completed,
            succeeded: counts.succeeded, failed: counts.failed)
    }
}

extension TimeSpan {
    /// As the REST API writes durations: `PT1H30M5S`.
    var iso8601Duration: String {
        let seconds = milliseconds / 1000
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60)
        var text = "P" + (days > 0 ? "\(days)D" : "")
        let rest =
            (hours > 0 ? "\(hours)H" : "") + (minutes > 0 ? "\(minutes)M" : "")
            + (seconds % 60 > 0 ? "\(seconds % 60)S" : "")
        if !rest.isEmpty { text += "T" + rest }
        return text == "P" ? "PT0S" : text
    }
}
