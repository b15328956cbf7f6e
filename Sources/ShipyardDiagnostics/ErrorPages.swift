// Made from docs/errors by scripts/update-generated. Do not edit.

/// The pages of `docs/errors`, so that `explain` works in a program that was installed alone.
enum ErrorPages {
    static let all: [String: String] = [
        "SY0001": #"""
        # SY0001: the text is not YAML or JSON

        The reader cannot make out the structure of the file, so nothing in it was looked at beyond this place.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks: [
        ```

        Mend the place that the caret shows. Often the cause is a line above it: an open bracket or quote, a tab, or wrong indentation.

        """#,
        "SY0002": #"""
        # SY0002: the file is not UTF-8

        Spec files are UTF-8 text. The caret stands at the first byte that is not.

        ```text
        a file that an editor saved as UTF-16 or Latin-1
        ```

        Save the file as UTF-8. A byte order mark of UTF-8 is allowed.

        """#,
        "SY0003": #"""
        # SY0003: a character that may not stand in a spec

        Control characters, and a few others that cannot be seen, are refused by YAML.

        ```text
        a backspace or a NUL pasted into a command
        ```

        Remove the character, or write it as an escape in double quotes, such as `"\b"`.

        """#,
        "SY0004": #"""
        # SY0004: the file holds no value

        The file is empty, or has only comments, or its only value is `null`.

        ```yaml jobs
        # jobs will be written here later
        ```

        Write the content, or leave the file out: credentials and config are optional.

        """#,
        "SY0005": #"""
        # SY0005: a key is written twice

        A mapping has each key once. Which of the two values was meant cannot be known.

        ```yaml jobs
        job_specifications:
        - id: film
          priority: 1
          priority: 2
        ```

        Remove one of the two.

        """#,
        "SY0006": #"""
        # SY0006: more than one YAML document

        One file is one document. A line of three hyphens begins another.

        ```yaml jobs
        job_specifications: []
        ---
        job_specifications: []
        ```

        Remove the line, or make two files.

        """#,
        "SY0007": #"""
        # SY0007: an unknown file extension

        The name says how the file is read: `.yaml` and `.yml` as YAML, `.json` as JSON. Other endings are refused, as Batch Shipyard does.

        ```text
        jobs.txt
        ```

        Rename the file.

        """#,
        "SY0008": #"""
        # SY0008: an alias without its anchor

        `*name` repeats what `&name` marked earlier in the same file. The anchor must come first, and an alias cannot stand inside of it.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - *render
        ```

        Define the anchor above, or correct its name.

        """#,
        "SY0009": #"""
        # SY0009: a merge key without a mapping

        `<<` takes over the keys of a mapping or of a list of mappings, mostly through an alias.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - {<<: render, command: echo}
        ```

        Write an alias such as `<<: *render`.

        """#,
        "SY0010": #"""
        # SY0010: a tag or sign that does not fit

        The tags of YAML's core schema are known (`!!str`, `!!int` and so on) and must fit their value. Others are refused; so are `=` and `<<` where they stand without quotes as a value.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: !shell echo
        ```

        Remove the tag, or put the text in quotes.

        """#,
        "SY0011": #"""
        # SY0011: the file nests too deeply

        A spec nests about a dozen levels. The limit keeps a hostile file from exhausting the stack.

        ```text
        a file of ten thousand opening brackets
        ```

        Check the brackets; aliases of aliases count as well.

        """#,
        "SY0012": #"""
        # SY0012: the aliases stand for too much

        All aliases of a file together may stand for two million values, and sixteen more for each byte of the file. Files that double at every line pass this limit quickly.

        ```text
        a: &a [x, x]
        b: &b [*a, *a]
        (and so on, forty times)
        ```

        Use a task factory for many similar tasks.

        """#,
        "SY0013": #"""
        # SY0013: the file is too large

        Spec files of up to 256 MiB are read.

        ```text
        a jobs file of several gigabytes
        ```

        Use task factories, or several jobs files.

        """#,
        "SY0014": #"""
        # SY0014: another version of YAML

        The file begins with a `%YAML` line of another version than 1.2. In YAML 1.1 `yes` is `true`, `017` is fifteen and `1:30` is ninety; specs are read as YAML 1.2, where they are not, so the file would mean something else than it says.

        ```yaml jobs
        %YAML 1.1
        ---
        job_specifications:
        - id: film
          auto_complete: yes
          tasks:
          - command: echo
        ```

        Write such values as YAML 1.2 has them, then remove the line.

        """#,
        "SY1001": #"""
        # SY1001: an unknown key

        The mapping has no such key. Nothing is ignored silently, so that a misspelling cannot go unnoticed.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: echo
            max_task_retry: 2
        ```

        Correct the spelling, move the key to where it belongs, or remove it. All keys are listed in `docs/spec`.

        """#,
        "SY1002": #"""
        # SY1002: a required key is missing

        The mapping cannot be understood without this key.

        ```yaml jobs
        job_specifications:
        - tasks: []
        ```

        Add the key.

        """#,
        "SY1003": #"""
        # SY1003: a value of the wrong type

        The key takes another type of value. Text that looks like a number, a boolean or a date needs quotes; `yes` and `no` are text.

        ```yaml jobs
        job_specifications:
        - id: film
          priority: "5"
        ```

        Write the value in the type that is asked for.

        """#,
        "SY1004": #"""
        # SY1004: a key without a value

        A required key has no value, or a mapping has nothing under it. For other keys no value means: not given.

        ```yaml jobs
        job_specifications:
        - id: film
          exit_conditions:
        ```

        Give the value, write `{}` for an empty mapping, or leave the key out.

        """#,
        "SY1005": #"""
        # SY1005: an unknown word

        The key takes one of a few words, in exactly this spelling.

        ```yaml jobs
        job_specifications:
        - id: film
          exit_conditions:
            default:
              exit_options:
                job_action: stop
        ```

        Use one of the words that the message lists.

        """#,
        "SY1006": #"""
        # SY1006: a number outside of its range

        The number is smaller or larger than the key allows.

        ```yaml pool
        pool_specification:
          id: farm
          vm_count: {dedicated: -1}
        ```

        Choose a number in the range.

        """#,
        "SY1007": #"""
        # SY1007: a key that is not text

        Keys are text. Without quotes `1` is a number, `true` a boolean and `~` nothing.

        ```yaml jobs
        job_specifications:
        - id: film
          environment_variables: {1: one}
        ```

        Put the key in quotes.

        """#,
        "SY1008": #"""
        # SY1008: a name that is not allowed

        The user chooses the names in this mapping, but not every text is a name.

        ```yaml config
        batch_shipyard: {storage_account_settings: main}
        global_resources:
          volumes:
            data_volumes:
              --: {host_path: /data}
        ```

        Choose a name as the message says.

        """#,
        "SY1009": #"""
        # SY1009: too many errors

        After five hundred errors the rest of a file is not looked at. Mostly they have one cause.

        ```text
        a misspelt key in each of ten thousand tasks
        ```

        Mend the first errors and run again.

        """#,
        "SY1010": #"""
        # SY1010: files that cannot be merged

        A later file replaces values of an earlier one key by key. A mapping cannot be replaced by something that is no mapping.

        ```text
        one file says `batch: {account_key: x}`, a later one `batch: none`
        ```

        Remove the key from one of the files.

        """#,
        "SY2001": #"""
        # SY2001: a task id used twice

        Two tasks of a job have the same id, or a task factory with an `id` makes more than one task.

        ```text
        tasks:
        - {id: render, command: a}
        - {id: render, command: b}
        ```

        Give each task its own id. In a task factory remove `id` and choose a prefix with `autogenerated_task_id`.

        """#,
        "SY2002": #"""
        # SY2002: a job specified twice

        Two entries of `job_specifications` have the same id. Upper and lower case make no difference.

        ```text
        job_specifications:
        - {id: film, tasks: []}
        - {id: Film, tasks: []}
        ```

        Rename one job, or write the tasks of both under one entry.

        """#,
        "SY2003": #"""
        # SY2003: an unknown dependency

        `depends_on` names a task that its job does not define.

        ```text
        depends_on: [rendr]      # the task is called render
        ```

        Correct the name, or define the task.

        """#,
        "SY2004": #"""
        # SY2004: tasks that wait for each other

        Following `depends_on` and `depends_on_range` leads from a task back to itself, so none of these tasks could
        ever start. The message shows the ring and the line of each step.

        ```text
        tasks:
        - {id: a, command: x, depends_on: [b]}
        - {id: b, command: y, depends_on: [a]}
        ```

        Remove one of the dependencies. All other tasks are part of what a merge task waits for: none may wait for it.

        """#,
        "SY2005": #"""
        # SY2005: a dependency without an id

        A task with `depends_on` or `depends_on_range` needs an `id`. Only the tasks of a task factory do not.

        ```text
        tasks:
        - {id: a, command: x}
        - {command: y, depends_on: [a]}
        ```

        Give the task an `id`.

        """#,
        "SY2006": #"""
        # SY2006: a number range with gaps

        `depends_on_range` covers a number that is the id of no task in this file. The task waits until one is added.

        ```text
        tasks:
        - {id: '1', command: a}
        - {id: last, command: b, depends_on_range: [1, 2]}
        ```

        Ids that are numbers come from `autogenerated_task_id: {prefix: ''}` or are written as `'7'` or `'007'`. Narrow
        the range, or leave it when the missing tasks come with a later submission.

        """#,
        "SY2007": #"""
        # SY2007: an unknown storage account

        `storage_account_settings` names an alias that `credentials: storage` does not have.

        ```text
        credentials:
          storage:
            films: {account: films}
        # elsewhere
        storage_account_settings: flims
        ```

        Correct the name, or add the alias to the credentials.

        """#,
        "SY2008": #"""
        # SY2008: an unknown volume

        `data_volumes` or `shared_data_volumes` names a volume that the config does not define under
        `global_resources: volumes`.

        ```text
        data_volumes: [scratch]
        ```

        Correct the name, or define the volume in the config.

        """#,
        "SY2009": #"""
        # SY2009: a volume used twice by one task

        A task uses its job's volumes and its own. Both lists together must name each volume once.

        ```text
        - id: film
          data_volumes: [scratch]
          tasks:
          - {command: x, data_volumes: [scratch]}
        ```

        Remove the volume from the task.

        """#,
        "SY2010": #"""
        # SY2010: a property that a merge task cannot have

        A merge task depends on all other tasks of its submission and is one task on one node, so `depends_on`,
        `depends_on_range`, `multi_instance` and `task_factory` have no meaning there.

        ```text
        merge_task: {command: sum, depends_on: [a]}
        ```

        Remove the property, or write an ordinary task with `depends_on`.

        """#,
        "SY2011": #"""
        # SY2011: jobs with and without an auto pool

        Either all jobs of a file make their own pool, or none does. `auto_pool: {}` counts as none.

        ```text
        - {id: a, auto_pool: {keep_alive: true}, tasks: []}
        - {id: b, tasks: []}
        ```

        Give all jobs an `auto_pool`, or split the file.

        """#,
        "SY2012": #"""
        # SY2012: a task that the job already has

        The job is there already and has a task of this id. Tasks are added to it, never replaced.

        ```text
        - {id: render, command: x}
        ```

        Choose another id, remove `id` to have one generated, or use `jobs add --recreate` once the job is completed.

        """#,
        "SY2013": #"""
        # SY2013: a reserved task id

        In a job with `recurrence` the id `shipyard-jmtask` names the job manager task.

        ```text
        - {id: shipyard-jmtask, command: x}
        ```

        Choose another id.

        """#,
        "SY2014": #"""
        # SY2014: an unknown data layout

        `kind` in `input_data: data_layout` names a kind of dataset that `data_layout` of the config does not declare.

        ```text
        # config.yaml
        data_layout:
          recording: {folders: [original, rosbag]}
        # jobs.yaml
        input_data:
          data_layout:
          - {kind: recordings, storage_account_settings: lake, remote_path: processing/one}
        ```

        Write a kind that is declared there. `shipyard-swift data layout list` shows them.

        """#,
        "SY2018": #"""
        # SY2018: an unknown database

        `connection` names an alias that `credentials: sql` does not have.

        ```text
        credentials:
          sql:
            reports: {url: sqlite:reports.db}
        # elsewhere
        output_data:
          sql: [{connection: report, table: daily, source: daily.csv}]
        ```

        Correct the name, or add the alias to the credentials. Where no credentials are given at all, an alias of letters, digits and `_` stands for a
        database file of the home, `databases/ALIAS.db`.

        """#,
        "SY2030": #"""
        # SY2030: a reference to nothing

        A `@{…}` names something that can be given to a job: `parameters.NAME` for what the job declares, and `schedule.…`, `run.…` or
        `trigger.…` for what made it run. This one names nothing of these.

        ```yaml jobs
        job_specifications:
        - id: film
          parameters:
            scene: {default: opening}
          tasks:
          - command: render @{parameters.scnee}
        ```

        Correct the name, or declare the parameter. Write `@@{` for the two characters themselves. A job without `parameters` may use `@{` for
        other things, such as `git show HEAD@{1}`; there only what looks like one of these names is a reference.

        """#,
        "SY2031": #"""
        # SY2031: a reference that cannot be read

        A reference is `@{`, a name, perhaps a `:` with `raw` or the format of a time, and `}`.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: render --day @{schedule.time:%Y-%q}
        ```

        Formats know %Y %m %d %H %M %S %j %y %b %B %a %A %e %u %w %G %V %F %T %z %Z %s and %%. Only times and parameters of type `date` have
        a format.

        """#,
        "SY2032": #"""
        # SY2032: a reference without a value

        `@{schedule.…}`, `@{run.…}` and `@{trigger.…}` have a value only where a schedule or a trigger submits the job. This job was submitted, or
        planned, by hand.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: render --day @{schedule.time:%F}
        ```

        Let the job take a parameter instead, which a schedule can fill with its time and `--param` with any other.

        """#,
        "SY2033": #"""
        # SY2033: a reference where none is replaced

        References are replaced in commands, environment variables, ids, paths of data and the numbers and words of task factories, and nowhere else.

        ```yaml jobs
        job_specifications:
        - id: film
          parameters:
            limit: {default: '01:00:00'}
          max_wall_time: '@{parameters.limit}'
          tasks:
          - command: render
        ```

        Write the value, or `@@{` for the two characters.

        """#,
        "SY2034": #"""
        # SY2034: a value that could become a command

        A value goes into a command as a part of one word, whatever is in it: a file named `; rm -rf ~` stays a name. At this place that cannot be
        promised: behind a `$` or a backslash, in backquotes, `${…}`, `$((…))` and here-documents, and in text that another program runs
        as code, such as `eval`, `ssh` or `python3 -c`.

        ```yaml jobs
        job_specifications:
        - id: film
          parameters:
            scene: {default: opening}
          tasks:
          - command: ssh host render @{parameters.scene}
        ```

        Read the variable `SHIPYARD_PARAM_SCENE`, which every task has: `python3 -c 'import os; print(os.environ["SHIPYARD_PARAM_SCENE"])'`. Or write
        `@{parameters.scene:raw}` for the value as it is, where you know who gives it. Numbers, booleans and days are taken also in most of these
        places.

        """#,
        "SY2035": #"""
        # SY2035: a parameter that no job declares

        A value was given for a parameter that no job of the file has under `parameters`.

        ```text
        jobs add --param sceen=opening
        ```

        Correct the name, or declare the parameter.

        """#,
        "SY2036": #"""
        # SY2036: a parameter without a value

        The parameter has no default, and no value was given.

        ```yaml jobs
        job_specifications:
        - id: film
          parameters:
            scene: {type: string}
          tasks:
          - command: render @{parameters.scene}
        ```

        Give one with `--param scene=VALUE`, or write a `default`, or `required: false` where nothing is a value too.

        """#,
        "SY2040": #"""
        # SY2040: two schedules of one id

        Ids of schedules name their runs, so no two in a file are the same; upper and lower case are not told apart.

        ```yaml schedules
        schedule_specifications:
        - {id: nightly, cron: '0 2 * * *'}
        - {id: Nightly, cron: '0 3 * * *'}
        ```

        Give one of them another id.

        """#,
        "SY2041": #"""
        # SY2041: a schedule that is not in the file

        `after` names a schedule that this file does not have. It may be one of another file; if it is not, nothing ever runs after it.

        ```yaml schedules
        schedule_specifications:
        - {id: nightly, cron: '0 2 * * *'}
        - {id: report, after: {schedule: nigthly}}
        ```

        Correct the id, if it was meant to be one of this file.

        """#,
        "SY2042": #"""
        # SY2042: schedules that run after each other

        Each waits for the other, so neither begins; and where one of them also runs by the clock, they would never end.

        ```yaml schedules
        schedule_specifications:
        - {id: first, after: {schedule: second}}
        - {id: second, after: {schedule: first}}
        ```

        Remove one of the `after`.

        """#,
        "SY2043": #"""
        # SY2043: a job that the jobs file does not have

        `job_id` chooses one job of the jobs file, by its id as it is written there, with its references.

        ```text
        {id: nightly, cron: '0 2 * * *', jobs: film.yaml, job_id: flim}
        ```

        Correct the id, or leave `job_id` out to run all jobs of the file.

        """#,
        "SY3001": #"""
        # SY3001: not an id

        Ids of pools, jobs and tasks have 1 to 64 ASCII letters, digits, hyphens and underscores. They stand in directory names and URLs.

        ```yaml jobs
        job_specifications:
        - id: my film
          tasks: []
        ```

        Choose another id.

        """#,
        "SY3002": #"""
        # SY3002: a number outside of the limits

        The number has the right type, but nothing can be done with it: a priority beyond -1000 to 1000, retries below -1, slots below 1 and so on.

        ```yaml jobs
        job_specifications:
        - id: film
          priority: 5000
        ```

        Choose a number within the limits that the label names.

        """#,
        "SY3003": #"""
        # SY3003: a number that is too large

        Numbers are calculated in 64 bits.

        ```yaml jobs
        job_specifications:
        - id: film
          priority: 99999999999999999999
        ```

        Choose a smaller number.

        """#,
        "SY3004": #"""
        # SY3004: not a length of time

        A length of time is written as `hours:minutes:seconds`, with days and a dot in front where needed. It has no fraction and is not negative.

        ```yaml jobs
        job_specifications:
        - id: film
          max_wall_time: 90 minutes
        ```

        Write `01:30:00`, or `1.12:00:00` for a day and a half.

        """#,
        "SY3005": #"""
        # SY3005: not a moment

        Moments are written in ISO 8601, in quotes. Without a zone they are UTC. Batch Shipyard guesses at many more forms; a guess is no basis for a schedule.

        ```yaml jobs
        job_specifications:
        - id: film
          recurrence:
            schedule: {recurrence_interval: 01:00:00, do_not_run_until: next monday}
        ```

        Write `"2030-01-02"`, `"2030-01-02 03:04"` or `"2030-01-02T03:04:05+02:00"`.

        """#,
        "SY3006": #"""
        # SY3006: not a file mode

        A file mode is the permission bits in octal, in quotes: without them YAML reads a decimal number.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: ls
            resource_files:
            - {blob_source: data.csv, file_path: data.csv, file_mode: rwx}
        ```

        Write `"0750"`.

        """#,
        "SY3007": #"""
        # SY3007: a path that leaves its directory

        Resource files are put below the working directory. An absolute path, or one with too many `..`, would write elsewhere.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: ls
            resource_files:
            - {blob_source: data.csv, file_path: ../data.csv}
        ```

        Write a relative path.

        """#,
        "SY3008": #"""
        # SY3008: not a name for an environment variable

        The operating system separates name and value at the first `=`.

        ```yaml jobs
        job_specifications:
        - id: film
          environment_variables: {"A=B": c}
        ```

        Choose another name.

        """#,
        "SY3009": #"""
        # SY3009: a comma in a transfer

        The fields of a transfer are kept in a list that commas separate; Batch Shipyard breaks on such values.

        ```yaml jobs
        job_specifications:
        - id: film
          input_data:
            azure_storage:
            - {storage_account_settings: main, remote_path: "raw/a,b"}
        ```

        Rename the path, or use a pattern under `include` with `?` for the comma.

        """#,
        "SY3010": #"""
        # SY3010: the character U+0000 in text

        No process can be given text that holds this character: the operating system ends texts with it.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: "echo \0"
        ```

        Remove it.

        """#,
        "SY3011": #"""
        # SY3011: an empty text

        The key needs some text.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: ls
            resource_files:
            - {blob_source: "", file_path: data.csv}
        ```

        Write the text.

        """#,
        "SY3012": #"""
        # SY3012: keys that contradict each other

        Each of the two keys is right, but not both together.

        ```yaml pool
        pool_specification:
          id: farm
          vm_count: {dedicated: 2}
          task_slots_per_node: 4
          max_tasks_per_node: 2
        ```

        Remove one of them.

        """#,
        "SY3013": #"""
        # SY3013: two kinds of nodes that should talk to each other

        Azure Batch gives a pool with communication between nodes either dedicated or low-priority nodes.

        ```yaml pool
        pool_specification:
          id: farm
          vm_count: {dedicated: 2, low_priority: 1}
          inter_node_communication_enabled: true
        ```

        Set one of the two counts to 0.

        """#,
        "SY3014": #"""
        # SY3014: an unknown pool lifetime

        The pool of a job lives as long as the job (`job`) or as its schedule (`job_schedule`).

        ```yaml jobs
        job_specifications:
        - id: film
          auto_pool: {pool_lifetime: forever}
        ```

        Use one of the two words.

        """#,
        "SY3015": #"""
        # SY3015: an incomplete task factory

        The task factory lacks a key without which it can make no task.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: "cat {file_name}"
            task_factory:
              file: {task_filepath: file_name}
        ```

        Add the key.

        """#,
        "SY3020": #"""
        # SY3020: not a SHA-256

        A digest is the SHA-256 of the file's content in 64 hexadecimal digits. Without quotes YAML reads one of digits alone as a number.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: ls
            resource_files:
            - {blob_source: data.csv, file_path: data.csv, sha256: 0f1e2d}
        ```

        Write what `sha256sum data.csv` prints.

        """#,
        "SY3021": #"""
        # SY3021: not a path of a transfer

        In the paths of a transfer `$NAME` and `${NAME}` are replaced by variables of the task's environment, as a shell does it in double quotes. Nothing else is: no command is run, and `~` stands for itself.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: ls
            input_data:
              azure_storage:
              - {storage_account_settings: main, remote_path: raw, local_path: $(pwd)/raw}
        ```

        Write a path, such as `$AZ_BATCH_TASK_WORKING_DIR/raw`. A backslash before `$` takes away its meaning.

        """#,
        "SY3022": #"""
        # SY3022: an option that no transfer has

        `blobxfer_extra_options` takes the options of blobxfer 1.9.4. `--strip-components`, `--rename`, `--no-overwrite`, `--no-recursive` and `--transfer-threads` have an effect; others are accepted and named. What would do something else if it were ignored, such as `--delete`, and what blobxfer does not know, is refused.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - command: ls
            input_data:
              azure_storage:
              - {storage_account_settings: main, remote_path: raw, blobxfer_extra_options: --strip-component 1}
        ```

        Correct the option, or remove it.

        """#,
        "SY3023": #"""
        # SY3023: no name of a secret

        The value names no secret: it is a name of the vault, perhaps with a version behind it, an address of Azure Key Vault, a
        variable or a file.

        ```yaml jobs
        job_specifications:
        - id: film
          environment_variables_keyvault_secret_id: "my secret"
          tasks:
          - command: render
        ```

        Write the secret's name as `keyvault list` shows it, `env:VARIABLE` or `file:/PATH`.

        """#,
        "SY3025": #"""
        # SY3025: not the URL of a database

        `url` of `credentials: sql` is `sqlite:PATH` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.

        ```text
        credentials:
          sql:
            reports: {url: "sqlite:///srv/reports.db"}
        ```

        A path behind `sqlite:` has no `//` before it: `sqlite:/srv/reports.db` is absolute, `sqlite:reports.db` is below `databases/` of the home and does
        not lead out of it with `..`. In a user or password of PostgreSQL `@`, `/` and `?` are written `%40`, `%2F` and `%3F`. The URL is a secret, so
        the message does not repeat it.

        """#,
        "SY3030": #"""
        # SY3030: a value that its parameter does not take

        The value is not of the parameter's type, none of its choices, or outside of its limits. It may come from the command line, a schedule or
        the parameter's own `default`.

        ```yaml jobs
        job_specifications:
        - id: film
          parameters:
            quality: {type: string, choices: [draft, final], default: best}
          tasks:
          - command: render @{parameters.quality}
        ```

        An `int` is written in digits, a `float` with a point or an exponent if need be, a `bool` as `true` or `false`, a `date` as `2030-01-02`.

        """#,
        "SY3031": #"""
        # SY3031: not a cron expression

        A cron expression has five fields: minute, hour, day of month, month, day of week. docs/spec/cron.md tells all of it.

        ```yaml schedules
        schedule_specifications:
        - {id: nightly, cron: '0 25 * * *'}
        ```

        The caret is below the part that is wrong.

        """#,
        "SY3032": #"""
        # SY3032: not a time zone

        Zones are those of the system, by their names in exactly these letters, such as `Europe/Berlin`; `UTC`, or `local` for the machine's own.

        ```yaml schedules
        schedule_specifications:
        - {id: nightly, cron: '0 2 * * *', timezone: Berlin}
        ```

        Write the zone's whole name. Where there are no zones at all, the package `tzdata` is missing.

        """#,
        "SY3033": #"""
        # SY3033: a schedule that is never due

        The schedule has neither times nor anything that it waits for, so it would run only when somebody starts it by hand.

        ```yaml schedules
        schedule_specifications:
        - {id: nightly, jobs: film.yaml}
        ```

        Write `cron`, `interval`, `at`, `after` or `on`.

        """#,
        "SY3034": #"""
        # SY3034: after nothing

        An entry of `after` says which schedule or job must have ended.

        ```yaml schedules
        schedule_specifications:
        - {id: report, after: {when: succeeded}}
        ```

        Write `schedule: ID` or `job: ID`.

        """#,
        "SY3040": #"""
        # SY3040: a secret in clear

        A value of `extended_properties` or `reference_objects` is a `SecureString` with its value. It would be stored with the job and
        shown to whoever may read its spec.

        ```yaml jobs
        job_specifications:
        - id: etl
          tasks:
          - id: load
            command: ./load
            extended_properties:
              password: {type: SecureString, value: hunter2}
        ```

        Give the secret to the task as an environment variable, with `environment_variables_keyvault_secret_id`, and write the variable's
        name where the value was. A reference to a vault, as in `{type: AzureKeyVaultSecret, secretName: db-password}`, is no secret and may stay.

        """#,
        "SY3050": #"""
        # SY3050: an invalid number range

        `depends_on_range` is a list of two numbers, the first not above the second. Both ends belong to the range.

        ```text
        depends_on_range: [9, 0]
        ```

        Write the lower number first.

        """#,
        "SY3051": #"""
        # SY3051: an invalid task id

        A task id has 1 to 64 letters, digits, hyphens and underscores. Generated ids are a prefix and a number.

        ```text
        autogenerated_task_id: {prefix: 'my task '}
        ```

        Shorten the prefix, or use other characters in it.

        """#,
        "SY3052": #"""
        # SY3052: no width for generated ids

        `zfill_width` is there but null, and a task needs a generated id.

        ```text
        autogenerated_task_id: {prefix: a, zfill_width: null}
        ```

        Remove the key for a width of 5, or write a number.

        """#,
        "SY3053": #"""
        # SY3053: a command that cannot be filled in

        The command of a task factory is a format string of Python: `{}` and `{0}` stand for the factory's values. The
        message is Python's.

        ```text
        task_factory: {parametric_sweep: {zip: [[a, b]]}}
        command: echo ${HOME} {}      # KeyError: 'HOME'
        ```

        Double the braces that belong to the command: `${{HOME}}`. See `docs/spec/task-factories.md`.

        """#,
        "SY3054": #"""
        # SY3054: a task factory without a command

        Every factory but `repeat` fills values into `command`, so there must be one.

        ```text
        - task_factory: {parametric_sweep: {zip: [[a, b]]}}
        ```

        Write a `command`.

        """#,
        "SY3055": #"""
        # SY3055: a task factory of no known kind

        A factory is one of `custom`, `file`, `repeat`, `random` and `parametric_sweep`; a sweep is one of `product`,
        `product_iterables`, `combinations`, `permutations` and `zip`.

        ```text
        task_factory: {parametric_sweep: {}}
        ```

        Write one of them.

        """#,
        "SY3056": #"""
        # SY3056: values that a factory refuses

        The values of a factory make no sense together. The message is Python's.

        ```text
        task_factory: {random: {generate: 1, integer: {start: 5, stop: 5, step: 1}}}
        # ValueError: empty range for randrange() (5, 5, 0)
        ```

        Correct the values. `stop` is not part of a range, `step` is never 0, and `length` is needed and not negative.

        """#,
        "SY3057": #"""
        # SY3057: a custom generator that failed

        The Python module of a `custom` factory could not be loaded, or its `generate` raised an exception. The message
        is Python's.

        ```text
        task_factory: {custom: {module: cases, input_args: ['3']}}
        ```

        Modules are looked for beside the jobs file, in the working directory and on `PYTHONPATH`. `input_args` and the
        values of `input_kwargs` are strings. Each item that `generate` yields is a tuple of arguments for `command`.

        """#,
        "SY3058": #"""
        # SY3058: files that cannot be listed

        The container or file share of a `file` factory cannot be read.

        ```text
        azure_storage: {storage_account_settings: films, remote_path: frames/raw}
        ```

        The text before the first `/` of `remote_path` is the container: a directory below `storage/<account>` in the
        home directory. Upload something to it first.

        """#,
        "SY3059": #"""
        # SY3059: a task that fits no node

        The task needs more task slots than one node has, so it would wait for ever.

        ```text
        required_slots: 8        # the pool has task_slots_per_node: 4
        ```

        Raise `task_slots_per_node` of the pool, or lower `required_slots`.

        """#,
        "SY3060": #"""
        # SY3060: an invalid multi-instance task

        A multi-instance task needs a `command`, `num_instances` and a pool with inter-node communication.

        ```text
        multi_instance: {num_instances: '3'}
        ```

        `num_instances` is a number without quotes, or one of `pool_specification_vm_count_dedicated`,
        `pool_specification_vm_count_low_priority`, `pool_current_dedicated` and `pool_current_low_priority`.

        """#,
        "SY3061": #"""
        # SY3061: a pool id too long for an auto pool

        With `auto_pool` the pool's id is the beginning of the ids that are made, so it has at most 20 characters.

        ```text
        pool_specification: {id: a-rather-long-name-for-a-pool}
        ```

        Shorten the pool's id.

        """#,
        "SY3062": #"""
        # SY3062: a recurrence without an interval

        `recurrence: schedule` says how often a job is made, and `recurrence_interval` is the time between two.

        ```text
        recurrence: {schedule: {start_window: '00:10:00'}}
        ```

        Write `recurrence_interval`, such as `'01:00:00'`.

        """#,
        "SY3063": #"""
        # SY3063: a recurrence whose jobs never complete

        A schedule has one active job at a time. Without `auto_complete` and `monitor_task_completion` its first job
        never completes, so there is no second.

        ```text
        recurrence: {schedule: {recurrence_interval: '01:00:00'}}
        ```

        Set `auto_complete: true` in the job.

        """#,
        "SY3064": #"""
        # SY3064: too many tasks

        A job has at most 4,294,967,295 tasks.

        ```text
        product: [{start: 0, stop: 100000, step: 1}, {start: 0, stop: 100000, step: 1}]
        ```

        Spread the tasks over several jobs, or let each task do more.

        """#,
        "SY3065": #"""
        # SY3065: a file factory without a place for the file

        `task_filepath` says under which name each file lies in the task's working directory.

        ```text
        task_factory: {file: {azure_storage: {storage_account_settings: films, remote_path: frames}}}
        ```

        Write `task_filepath: file_name`, or one of `file_path`, `file_path_with_container`, `file_name_no_extension`.

        """#,
        "SY3066": #"""
        # SY3066: a job whose tasks cannot be read

        The job is there already, and its task ids are needed to number the new tasks.

        The message says what went wrong. Try again; if the service cannot be reached, see `shipyard-swift service`.

        """#,
        "SY3067": #"""
        # SY3067: a factory that makes no task

        The factory is in order, and nothing comes of it: a range that is empty, a list without words, more words to choose than there are. Batch Shipyard says nothing of it either, and the job completes at once.

        ```text
        job_specifications:
        - id: film
          tasks:
          - command: render {0}
            task_factory: {parametric_sweep: {product: [{start: 10, stop: 0, step: 1}]}}
        ```

        Mend the numbers, or remove the task.

        """#,
        "SY3068": #"""
        # SY3068: very many tasks

        More than ten million tasks of one factory are possible, but mostly a slip: a zero too many, or ranges that were meant to run side by side and not against each other. `zip` pairs the words of lists, `product` combines all with all.

        ```text
        job_specifications:
        - id: film
          tasks:
          - command: render
            task_factory: {repeat: 100000000}
        ```

        If so many are meant, nothing needs to be done.

        """#,
        "SY3069": #"""
        # SY3069: U+0000 in a command

        Linux ends the words of a command at the character U+0000, so whatever stands behind it would be cut off without a word. A factory has put one into the command, such as `{0:c}` for the number 0.

        ```text
        job_specifications:
        - id: film
          tasks:
          - command: render {0:c}
            task_factory: {parametric_sweep: {product: [{start: 0, stop: 3, step: 1}]}}
        ```

        Leave the value out, or write it as a number.

        """#,
        "SY4001": #"""
        # SY4001: a file that cannot be read

        The spec names another file, and it cannot be read. Its path is relative to the file that names it.

        ```text
        {id: nightly, cron: '0 2 * * *', jobs: flim.yaml}
        ```

        Correct the path.

        """#,
        "SY5001": #"""
        # SY5001: no local effect

        The key has a meaning in the cloud or for containers only. It is checked, then dropped. Said once for each key of a file.

        ```yaml jobs
        job_specifications:
        - id: film
          shm_size: 1g
          tasks: []
        ```

        Nothing needs to be done. Remove the key if the file is only for this machine.

        """#,
        "SY5002": #"""
        # SY5002: not carried out yet

        The key is checked and planned, but this version does not do what it asks for.

        ```yaml pool
        pool_specification:
          id: farm
          vm_count: {dedicated: 1}
          autoscale: {formula: "$TargetDedicatedNodes = 2;"}
        ```

        Do not rely on it yet.

        """#,
        "SY5003": #"""
        # SY5003: only a part of its effect

        The key does a part of what it does in the cloud; the label says which.

        ```yaml jobs
        job_specifications:
        - id: film
          tasks:
          - docker_image: busybox
            command: echo
        ```

        Check that the part is enough. A command under `docker_image` for instance runs with the programs of this machine.

        """#,
    ]
}
