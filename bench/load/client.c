/* The load client: many WebSockets in one thread with epoll, so that the server is what is measured.
 *
 * Usage: client KEY=VALUE…; see `struct options`. It reads one command a line from standard input and answers each
 * with one line of JSON: `connect N`, `run SECONDS`. It ends with its standard input.
 * It speaks to 127.0.0.0/8 and to nothing else.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STORM 64           /* handshakes under way at once */
#define AN_ADDRESS 1000    /* connections from one source address */
#define READ_BYTES 65536
#define STEP_US 1000       /* of the coarse half of the histogram */
#define FINE 100000        /* microseconds told one by one */
#define COARSE 100000
#define DRAIN_US 10000000
#define PARTING_US 2000000
#define STAMP_BYTES 35      /* 2026-01-31T12:00:00.250000+00:00"}} at the end of a message */

static struct options {
    int port;
    int outstanding;   /* messages of a connection that wait for an answer at once */
    int active;        /* of all connections together, one after another; 0: each by itself */
    int fan;           /* answers to one message of the first connection, on all of them; 0: one, on its own */
    double pace;       /* seconds between two messages of a connection; 0: as fast as it is answered */
    int tls;
    int deaf;          /* whether nothing is read once they have been greeted */
    int greeted;       /* answers to the hello */
    int stamped;       /* whether nothing is said, and each message tells at its end when it was made */
    const char *requests, *message, *hello;
} options = {.outstanding = 1};

/* The parts of OpenSSL that are needed, as its manual declares them: no header has to be installed. */
static struct {
    void *(*ctx_new)(const void *), *(*ssl_new)(void *);
    const void *(*method)(void);
    long (*ctx_ctrl)(void *, int, long, void *);
    int (*set_fd)(void *, int), (*do_connect)(void *), (*do_read)(void *, void *, int);
    int (*do_write)(void *, const void *, int), (*get_error)(const void *, int);
} tls;
static void *tls_context;

enum stage { CONNECTING, SHAKING, ASKING, GREETING, OPEN, GONE };

struct connection {
    int fd;
    void *ssl;
    enum stage stage;
    int wants_out;
    uint8_t header[10];
    int header_size;
    uint64_t left;            /* bytes of the payload that are still to come */
    uint8_t control[128];
    int control_size;
    char stamp[STAMP_BYTES + 1]; /* the end of the payload, where that matters */
    int stamp_size;
    uint64_t size;
    int heads;                /* bytes of the end of the head of the answer that have been seen */
    int greeted;
    uint64_t owed;            /* bytes of messages that are to be written */
    const uint8_t *extra;     /* a hello or a request that is to be written first */
    int extra_left;
    uint8_t pong[140];
    int pong_size;
    int waiting;              /* messages without an answer */
    int first;                /* of them, in the ring of times */
    uint64_t *sent;
};

static struct connection *all;
static int count, target, opened, shaking, lost, cursor;
static int epoll;
static uint8_t *stream, *hello;
static int frame_size, frames, hello_size;
static char **requests;
static int requests_count;

static int running, draining;
static uint64_t began, until, ended, due, parting;
static int64_t to_wall;
static double cpu_began;
static uint64_t answers, odd, skipped, in_flight, odd_size;
static uint32_t fine[FINE], coarse[COARSE];
static uint8_t sample[256];
static int sample_size;

static void die(const char *what) {
    fprintf(stderr, "load client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64_t wall_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static char *slurp(const char *path, int *size) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    fseek(file, 0, SEEK_END);
    *size = ftell(file);
    rewind(file);
    char *text = malloc(*size + 1);
    if (fread(text, 1, *size, file) != (size_t)*size) die(path);
    text[*size] = 0;
    fclose(file);
    return text;
}

/* A client's frame (RFC 6455 §5.2), masked with a key that is no zero. */
static int framed(uint8_t *out, int opcode, const char *payload, int size) {
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    int at = 0;
    out[at++] = 0x80 | opcode;
    if (size < 126) {
        out[at++] = 0x80 | size;
    } else {
        out[at++] = 0x80 | 126;
        out[at++] = size >> 8;
        out[at++] = size & 255;
    }
    memcpy(out + at, key, 4);
    at += 4;
    for (int i = 0; i < size; i++) out[at++] = payload[i] ^ key[i & 3];
    return at;
}

static void load_files(void) {
    int size;
    char *text = slurp(options.message, &size);
    frames = options.outstanding < 512 ? options.outstanding : 512;
    stream = malloc((size_t)(size + 14) * (frames + 1));
    frame_size = framed(stream, 1, text, size);
    for (int i = 1; i <= frames; i++) memcpy(stream + (size_t)i * frame_size, stream, frame_size);
    if (options.hello) {
        text = slurp(options.hello, &size);
        hello = malloc((size + 1) * 15); /* a message a line, and none is empty */
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            hello_size += framed(hello + hello_size, 1, line, strlen(line));
    }
    text = slurp(options.requests, &size);
    for (char *end; (end = strstr(text, "\r\n\r\n")); text = end + 4) {
        requests = realloc(requests, sizeof *requests * (requests_count + 1));
        requests[requests_count++] = strndup(text, end + 4 - text);
    }
    if (!requests_count) die("no request in the file");
}

static void load_tls(void) {
    static const char *names[] = {"libssl.so.3", "libssl.so.1.1", "libssl.so"};
    void *library = NULL;
    for (int i = 0; i < 3 && !library; i++) library = dlopen(names[i], RTLD_NOW);
    if (!library) {
        fprintf(stderr, "load client: %s\n", dlerror());
        exit(3);
    }
    *(void **)&tls.method = dlsym(library, "TLS_client_method");
    *(void **)&tls.ctx_new = dlsym(library, "SSL_CTX_new");
    *(void **)&tls.ctx_ctrl = dlsym(library, "SSL_CTX_ctrl");
    *(void **)&tls.ssl_new = dlsym(library, "SSL_new");
    *(void **)&tls.set_fd = dlsym(library, "SSL_set_fd");
    *(void **)&tls.do_connect = dlsym(library, "SSL_connect");
    *(void **)&tls.do_read = dlsym(library, "SSL_read");
    *(void **)&tls.do_write = dlsym(library, "SSL_write");
    *(void **)&tls.get_error = dlsym(library, "SSL_get_error");
    tls_context = tls.ctx_new(tls.method());
    tls.ctx_ctrl(tls_context, 33 /* SSL_CTRL_MODE */, 1 | 2 /* partial writes, from a buffer that moves */, NULL);
}

static void watch(struct connection *c, int operation, int out) {
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.u32 = c - all};
    c->wants_out = out;
    if (epoll_ctl(epoll, operation, c->fd, &event)) die("epoll_ctl");
}

static void want_out(struct connection *c, int out) {
    if (c->wants_out != out && !(options.deaf && c->stage == OPEN)) watch(c, EPOLL_CTL_MOD, out);
}

static void leave(struct connection *c) {
    if (c->stage == GONE) return;
    if (c->stage < OPEN) shaking--;
    else opened--;
    lost++;
    in_flight -= c->waiting;
    c->waiting = 0;
    c->stage = GONE;
    close(c->fd);
}

/* How many bytes came or went; 0: none for now; -1: it is over. */
static int outcome(struct connection *c, int moved) {
    if (moved > 0) return moved;
    if (c->ssl) {
        int error = tls.get_error(c->ssl, moved);
        if (error == 3 /* SSL_ERROR_WANT_WRITE */) want_out(c, 1);
        return error == 2 || error == 3 ? 0 : -1;
    }
    return moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

static int put(struct connection *c, const uint8_t *bytes, size_t size) {
    int most = size > 1 << 20 ? 1 << 20 : (int)size;
    return outcome(c, c->ssl ? tls.do_write(c->ssl, bytes, most) : (int)send(c->fd, bytes, most, MSG_NOSIGNAL));
}

/* Write what is to be written, as far as it goes. */
static void flush(struct connection *c) {
    while (c->stage != GONE) {
        int moved;
        uint64_t into = c->owed % frame_size;
        if (c->extra_left) {
            if ((moved = put(c, c->extra, c->extra_left)) > 0) c->extra += moved, c->extra_left -= moved;
        } else if (c->pong_size && !into) {
            if ((moved = put(c, c->pong, c->pong_size)) > 0) c->pong_size = 0;
        } else if (c->owed) {
            uint64_t from = into ? frame_size - into : 0, room = (uint64_t)frames * frame_size;
            if ((moved = put(c, stream + from, c->owed < room ? c->owed : room)) > 0) c->owed -= moved;
        } else {
            want_out(c, 0);
            return;
        }
        if (moved < 0) leave(c);
        if (moved == 0) {
            want_out(c, 1);
            return;
        }
    }
}

static void say(struct connection *c, int messages, uint64_t now) {
    for (int i = 0; i < messages; i++) c->sent[(c->first + c->waiting++) % options.outstanding] = now;
    in_flight += messages;
    c->owed += (uint64_t)messages * frame_size;
    flush(c);
}

/* The next connection in the ring that has nothing to wait for says something. */
static void say_next(uint64_t now) {
    for (int i = 0; i < count; i++) {
        struct connection *c = &all[cursor];
        cursor = (cursor + 1) % count;
        if (c->stage == OPEN && !c->waiting) {
            say(c, 1, now);
            return;
        }
    }
}

static void record(uint64_t us) {
    if (us < FINE) fine[us]++;
    else coarse[us / STEP_US < COARSE ? us / STEP_US : COARSE - 1]++;
}

/* Keep the end of a payload that comes in parts. */
static void keep_stamp(struct connection *c, const uint8_t *bytes, uint64_t size) {
    uint64_t part = size < STAMP_BYTES ? size : STAMP_BYTES;
    int kept = c->stamp_size < STAMP_BYTES - (int)part ? c->stamp_size : STAMP_BYTES - (int)part;
    memmove(c->stamp, c->stamp + c->stamp_size - kept, kept);
    memcpy(c->stamp + kept, bytes + size - part, part);
    c->stamp_size = kept + part;
}

/* How old the message is that has come; what tells no time is no message that counts. */
static void record_age(struct connection *c, uint64_t now) {
    struct tm day = {0};
    int fraction;
    c->stamp[c->stamp_size] = 0;
    if (sscanf(c->stamp, "%4d-%2d-%2dT%2d:%2d:%2d.%6d+00:00\"}}", &day.tm_year, &day.tm_mon, &day.tm_mday, &day.tm_hour,
               &day.tm_min, &day.tm_sec, &fraction) != 7) return;
    day.tm_year -= 1900, day.tm_mon--;
    int64_t age = (int64_t)now + to_wall - ((int64_t)timegm(&day) * 1000000 + fraction);
    record(age > 0 ? age : 0);
    answers++;
}

/* One message has come; true where it is the answer that somebody waits for. */
static int answered(struct connection *c, uint64_t now) {
    if (c->stage == GREETING) {
        if (++c->greeted < options.greeted) return 0;
        c->stage = OPEN, shaking--, opened++;
        if (options.deaf && epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL)) die("epoll_ctl");
        return 0;
    }
    if (options.stamped) {
        if (running && !draining) record_age(c, now);
        return 0;
    }
    if (!sample_size) sample_size = c->control_size, memcpy(sample, c->control, c->control_size), odd_size = c->size;
    odd += c->size != odd_size && !options.fan;
    if (options.fan) {
        answers++;
        if (in_flight) record(now - all[0].sent[0]);
        return 1;
    }
    if (!c->waiting) return 0; /* nobody asked */
    record(now - c->sent[c->first]);
    c->first = (c->first + 1) % options.outstanding;
    c->waiting--;
    in_flight--;
    answers++;
    return 1;
}

static void answer_control(struct connection *c, int opcode) {
    if (opcode == 8) {
        leave(c);
    } else if (opcode == 9) {
        c->pong_size = framed(c->pong, 10, (char *)c->control, c->control_size);
        flush(c);
    }
}

/* A whole frame has come. Engine.IO's "2" asks whether somebody is there; "3" says so. */
static int frame_came(struct connection *c, uint64_t now) {
    int opcode = c->header[0] & 15;
    if (opcode >= 8) {
        answer_control(c, opcode);
        return 0;
    }
    if (c->size == 1 && c->control[0] == '2') {
        c->pong_size = framed(c->pong, 1, "3", 1);
        flush(c);
        return 0;
    }
    return c->header[0] & 0x80 ? answered(c, now) : 0;
}

static int header_wants(const struct connection *c) {
    if (c->header_size < 2) return 2;
    int kind = c->header[1] & 127;
    return kind == 126 ? 4 : kind == 127 ? 10 : 2;
}

static void begin_payload(struct connection *c) {
    c->size = c->header[1] & 127;
    if (c->size >= 126) {
        c->size = 0;
        for (int i = 2; i < c->header_size; i++) c->size = c->size << 8 | c->header[i];
    }
    c->left = c->size;
    c->control_size = c->stamp_size = 0;
}

/* Read frames (RFC 6455 §5.2); how many messages are answers. */
static int take(struct connection *c, const uint8_t *bytes, int size) {
    int came = 0, at = 0;
    uint64_t now = now_us();
    while (c->stage != GONE) {
        if (c->header_size < 2 || c->header_size < header_wants(c)) {
            if (at >= size) break;
            c->header[c->header_size++] = bytes[at++];
            if (c->header_size >= 2 && c->header_size == header_wants(c)) begin_payload(c);
            else continue;
        }
        uint64_t part = (uint64_t)(size - at) < c->left ? (uint64_t)(size - at) : c->left;
        uint64_t room = sizeof c->control - 3 - c->control_size, kept = part < room ? part : room;
        memcpy(c->control + c->control_size, bytes + at, kept);
        c->control_size += kept;
        if (options.stamped) keep_stamp(c, bytes + at, part);
        at += part;
        c->left -= part;
        if (c->left) break;
        c->header_size = 0;
        came += frame_came(c, now);
    }
    return came;
}

static void say_more(struct connection *c, int came) {
    if (!running || draining || c->stage != OPEN) return;
    if (options.fan) {
        if (answers % options.fan == 0 && came) {
            in_flight = 0, all[0].waiting = 0;
            say(&all[0], 1, now_us());
        }
    } else if (options.active) {
        while (came--) say_next(now_us());
    } else if (options.pace == 0 && came) {
        say(c, came, now_us());
    }
}

static void greet(struct connection *c) {
    if (!hello) {
        c->stage = OPEN, shaking--, opened++;
        return;
    }
    c->stage = GREETING;
    c->extra = hello, c->extra_left = hello_size;
    flush(c);
}

/* The head of the answer to the handshake; how many bytes belong to it. */
static int read_head(struct connection *c, const uint8_t *bytes, int size) {
    static const char line[] = "HTTP/1.1 101";
    for (int at = 0; at < size; at++) {
        if (c->control_size < 12 && bytes[at] != (uint8_t)line[c->control_size++]) {
            if (!lost) fprintf(stderr, "load client: refused: %.*s\n", size < 300 ? size : 300, (const char *)bytes);
            leave(c);
            return size;
        }
        int wanted = c->heads % 2 ? '\n' : '\r';
        c->heads = bytes[at] == wanted ? c->heads + 1 : bytes[at] == '\r';
        if (c->heads == 4) {
            c->control_size = 0;
            greet(c);
            return at + 1;
        }
    }
    return size;
}

static void readable(struct connection *c) {
    static uint8_t buffer[READ_BYTES];
    int came = 0;
    while (c->stage != GONE) {
        int size = outcome(c, c->ssl ? tls.do_read(c->ssl, buffer, READ_BYTES) : (int)recv(c->fd, buffer, READ_BYTES, 0));
        if (size < 0) leave(c);
        if (size <= 0) break;
        int at = c->stage == ASKING ? read_head(c, buffer, size) : 0;
        if (at < size && c->stage != GONE) came += take(c, buffer + at, size - at);
        if (!c->ssl && size < READ_BYTES) break;
    }
    if (c->stage != GONE && came) say_more(c, came);
}

static void ask(struct connection *c) {
    c->stage = ASKING;
    c->extra = (uint8_t *)requests[(c - all) % requests_count];
    c->extra_left = strlen((const char *)c->extra);
    flush(c);
}

static void shake_hands(struct connection *c) {
    if (c->stage == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            errno = error;
            perror("load client: connect");
            leave(c);
            return;
        }
        c->stage = SHAKING;
        if (options.tls) c->ssl = tls.ssl_new(tls_context), tls.set_fd(c->ssl, c->fd);
    }
    if (c->ssl) {
        want_out(c, 0);
        int done = tls.do_connect(c->ssl);
        if (done != 1) {
            if (outcome(c, done) < 0) leave(c);
            return;
        }
    }
    ask(c);
}

static void handle(struct connection *c, uint32_t events) {
    if (c->stage == GONE) return;
    if (c->stage == CONNECTING || c->stage == SHAKING) {
        shake_hands(c);
        return;
    }
    if (events & EPOLLOUT) flush(c);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
}

static void open_one(void) {
    struct connection *c = &all[count];
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(options.port)};
    int one = 1;
    from.sin_addr.s_addr = htonl(0x7f000002 + count / AN_ADDRESS);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    if (options.deaf) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof one); /* as small as the kernel has them */
    setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from)) die("bind");
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) die("connect");
    c->sent = calloc(options.outstanding, sizeof *c->sent);
    count++;
    shaking++;
    watch(c, EPOLL_CTL_ADD, 1);
}

static uint64_t quantile(double part, uint64_t total) {
    uint64_t seen = 0, wanted = (uint64_t)(part * (total ? total - 1 : 0)) + 1;
    for (int i = 0; i < FINE; i++) if ((seen += fine[i]) >= wanted) return i;
    for (int i = 0; i < COARSE; i++) if ((seen += coarse[i]) >= wanted) return (uint64_t)i * STEP_US;
    return 0;
}

static void report(void) {
    uint64_t total = 0;
    double seconds = (ended - began) / 1e6;
    for (int i = 0; i < FINE; i++) total += fine[i];
    for (int i = 0; i < COARSE; i++) total += coarse[i];
    printf("{\"messages\": %lu, \"seconds\": %.6f, \"busy\": %.3f, \"p50_us\": %lu, \"p99_us\": %lu, \"lost\": %d, "
           "\"odd\": %lu, \"skipped\": %lu, \"unanswered\": %lu, \"sample\": \"", answers, seconds,
           (cpu_seconds() - cpu_began) / seconds, quantile(0.5, total), quantile(0.99, total), lost, odd, skipped,
           in_flight);
    for (int i = 0; i < sample_size; i++) printf("%02x", sample[i]);
    printf("\"}\n");
    fflush(stdout);
}

static void begin_run(double seconds) {
    answers = odd = skipped = in_flight = 0;
    sample_size = 0;
    memset(fine, 0, sizeof fine);
    memset(coarse, 0, sizeof coarse);
    running = 1, draining = 0;
    cpu_began = cpu_seconds();
    began = due = now_us();
    until = began + (uint64_t)(seconds * 1e6);
    to_wall = (int64_t)wall_us() - (int64_t)began;
    if (options.stamped) return;
    if (options.fan) say(&all[0], 1, began);
    else if (options.active) for (int i = 0; i < options.active; i++) say_next(began);
    else if (options.pace == 0) for (int i = 0; i < count; i++) if (all[i].stage == OPEN) say(&all[i], options.outstanding, began);
}

/* With a pace, the connections speak one after another, evenly over the interval. */
static void keep_pace(uint64_t now) {
    double step = options.pace * 1e6 / count;
    for (; due <= now; due = began + (uint64_t)(step * ++cursor)) {
        struct connection *c = &all[cursor % count];
        if (c->stage == OPEN && c->waiting < options.outstanding) say(c, 1, now);
        else skipped++;
    }
}

static void advance(void) {
    while (count < target && shaking < STORM) open_one();
    if (target && count == target && !shaking) {
        printf("{\"connected\": %d, \"lost\": %d}\n", opened, lost);
        fflush(stdout);
        target = 0;
    }
    if (!running) return;
    uint64_t now = now_us();
    if (options.pace > 0 && !draining) keep_pace(now);
    if (!draining && now >= until) draining = 1, ended = now;
    int settled = options.fan ? answers % options.fan == 0 : !in_flight;
    if (draining && (settled || !opened || now > until + DRAIN_US)) {
        if (options.fan) in_flight = 0, all[0].waiting = 0;
        running = 0;
        ended = now;
        report();
    }
}

/* Close every connection in good manners, so that no server complains of us. */
static void say_goodbye(void) {
    static uint8_t goodbye[16];
    int size = framed(goodbye, 8, "\x03\xe8", 2);
    running = 0;
    for (int i = 0; i < count; i++) {
        struct connection *c = &all[i];
        if (c->stage != OPEN || c->owed || c->extra_left) continue;
        c->extra = goodbye, c->extra_left = size;
        flush(c);
    }
    parting = now_us() + PARTING_US;
}

static void obey(void) {
    static char line[256];
    static int size;
    int moved = read(0, line + size, sizeof line - 1 - size);
    if (moved <= 0) {
        if (epoll_ctl(epoll, EPOLL_CTL_DEL, 0, NULL)) die("epoll_ctl");
        say_goodbye();
        return;
    }
    line[size += moved] = 0;
    if (!strchr(line, '\n')) return;
    double number = 0;
    if (sscanf(line, "connect %lf", &number) == 1) {
        target = count + (int)number;
        struct connection *moved_to = realloc(all, sizeof *all * target);
        if (!moved_to) die("realloc");
        memset(moved_to + count, 0, sizeof *all * (target - count));
        all = moved_to;
    } else if (sscanf(line, "run %lf", &number) == 1) {
        cursor = 0;
        begin_run(number);
    } else {
        errno = EINVAL;
        die(line);
    }
    size = 0;
}

static void read_option(const char *text) {
    const char *value = strchr(text, '=');
    if (!value) errno = EINVAL, die(text);
    value++;
#define IS(name) (!strncmp(text, name "=", sizeof name))
    if (IS("port")) options.port = atoi(value);
    else if (IS("outstanding")) options.outstanding = atoi(value);
    else if (IS("active")) options.active = atoi(value);
    else if (IS("fan")) options.fan = atoi(value);
    else if (IS("pace")) options.pace = atof(value);
    else if (IS("tls")) options.tls = atoi(value);
    else if (IS("deaf")) options.deaf = atoi(value);
    else if (IS("greeted")) options.greeted = atoi(value);
    else if (IS("stamped")) options.stamped = atoi(value);
    else if (IS("requests")) options.requests = value;
    else if (IS("message")) options.message = value;
    else if (IS("hello")) options.hello = value;
    else errno = EINVAL, die(text);
}

int main(int argc, char **argv) {
    struct rlimit most;
    for (int i = 1; i < argc; i++) read_option(argv[i]);
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    load_files();
    if (options.tls) load_tls();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[1024], input = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &input)) die("epoll_ctl");
    while (!parting || (opened && !options.deaf && now_us() < parting)) {
        int came = epoll_wait(epoll, events, 1024, running || parting ? 1 : -1);
        if (came < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < came; i++) {
            if (events[i].data.u32 == UINT32_MAX) obey();
            else handle(&all[events[i].data.u32], events[i].events);
        }
        advance();
    }
}
