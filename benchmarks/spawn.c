/* The floor: starts /bin/true again and again, a few at a time, and waits for each. usage: spawn TIMES AT_ONCE */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int count, char **words) {
    if (count != 3) return 2;
    long left = atol(words[1]), running = 0, at_once = atol(words[2]);
    char *command[] = {"/bin/true", NULL};
    while (left > 0 || running > 0) {
        if (left > 0 && running < at_once) {
            pid_t process;
            if (posix_spawn(&process, command[0], NULL, NULL, command, environ) != 0) return 1;
            left--;
            running++;
        } else if (wait(NULL) > 0) {
            running--;
        } else {
            return 1;
        }
    }
    return 0;
}
