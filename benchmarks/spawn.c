/* The floor: starts /bin/true again and again, a few at a time, and waits for each. usage: spawn TIMES AT_ONCE [DIRECTORY]
   With DIRECTORY each gets what a task gets from the kernel and the disk: a directory of its own with wd, stdout.txt and
   stderr.txt, which it is started in and writes to, and a session of its own. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(const char *root, long number) {
    char *command[] = {"/bin/true", NULL};
    pid_t process;
    if (root == NULL) return posix_spawn(&process, command[0], NULL, NULL, command, environ);
    char path[4000], working[4096];
    snprintf(path, sizeof path, "%s/task-%05ld", root, number);
    snprintf(working, sizeof working, "%s/wd", path);
    if (mkdir(path, 0755) != 0 || mkdir(working, 0755) != 0) return 1;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    int files[2];
    const char *names[] = {"stdout.txt", "stderr.txt"};
    for (int index = 0; index < 2; index++) {
        char name[4200];
        snprintf(name, sizeof name, "%s/%s", path, names[index]);
        files[index] = open(name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
        posix_spawn_file_actions_adddup2(&actions, files[index], index + 1);
    }
    posix_spawn_file_actions_addchdir_np(&actions, working);
    int error = posix_spawn(&process, command[0], &actions, &attributes, command, environ);
    close(files[0]);
    close(files[1]);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int main(int count, char **words) {
    if (count != 3 && count != 4) return 2;
    long times = atol(words[1]), started = 0, running = 0, at_once = atol(words[2]);
    const char *root = count == 4 ? words[3] : NULL;
    while (started < times || running > 0) {
        if (started < times && running < at_once) {
            if (start(root, started) != 0) return 1;
            started++;
            running++;
        } else if (wait(NULL) > 0) {
            running--;
        } else {
            return 1;
        }
    }
    return 0;
}
