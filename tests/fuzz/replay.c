/* Runs a fuzzer's entry point over every file of the folder given: the corpus as an ordinary test.
 * An empty or missing folder is a failure, so that the test cannot pass without seeds. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/file.h"
#include "tests/fuzz/fuzz.h"

static int replay(const char *folder, const char *name)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", folder, name);
    struct edge_err err = {0};
    struct edge_buf buf;

    edge_buf_init(&buf, 1 << 24);
    if (edge_file_read(path, &buf, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    LLVMFuzzerTestOneInput((const uint8_t *) (buf.data ? buf.data : ""), buf.len);
    edge_buf_fini(&buf);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    int count = 0;

    if (!dir) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (replay(argv[1], entry->d_name) < 0)
            return 1;
        count++;
    }
    closedir(dir);
    printf("%d seeds replayed\n", count);
    return count > 0 ? 0 : 1;
}
