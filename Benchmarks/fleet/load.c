// The client of the fleet benchmarks: one thread, epoll, kept connections, a record of every request.
//
//   load OUT BODY-FILE SEED ZIPF MODELS CONNECTIONS CYCLES SLICE...
//
// A SLICE is TARGET:PORT:SECONDS:RATE. Slices follow one another, CYCLES times (0: until standard input ends). TARGET f asks
// the port for one of MODELS models, named m00000.onnx and so on, by a Zipf distribution; TARGET s names no model. RATE is
// requests a second with exponential gaps, 0 for as many as the connections bear. Latency runs from the moment at which a request was due: when all connections
// are busy it waits here, and that counts.
//
// A model's right answer begins with its number. Records go to OUT as they are in memory:
// time of the beginning (us), latency (us), model, how many distinct models were asked for since it was last, status, slice.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct record { uint64_t began; uint32_t latency, model, distance; uint16_t status; uint16_t slice; };
struct connection {
  int fd, port, busy, slice, expected; size_t out_length, out_done, in_length, want;
  uint64_t due; uint32_t model, distance;
  char out[16384], in[65536];
};
struct slice { char target; int port; double seconds, rate; };

static FILE *sink;
static char *body; static size_t body_length;
static int models, connection_count, epoll_fd;
static uint64_t random_state;
static double *cumulative;
static int *order;
static uint64_t sent, broken;

static uint64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static uint64_t wall_us(void) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); return t.tv_sec * 1000000ull + t.tv_nsec / 1000; }
static uint64_t next_random(void) {
  random_state ^= random_state << 13; random_state ^= random_state >> 7; random_state ^= random_state << 17; return random_state;
}
static double uniform(void) { return (next_random() >> 11) * 0x1p-53; }
static void die(const char *what) { perror(what); exit(1); }

// Distinct models since a model was last asked for: a Fenwick tree over positions in time, one mark for each model's last.
enum { SPAN = 1 << 20 };
static int tree[SPAN + 1], position[100001], next_position = 1;
static void mark(int i, int by) { for (; i <= SPAN; i += i & -i) tree[i] += by; }
static int marks(int i) { int sum = 0; for (; i > 0; i -= i & -i) sum += tree[i]; return sum; }
static int by_position(const void *a, const void *b) { return position[*(const int *)a] - position[*(const int *)b]; }
static uint32_t touch(int model) {
  static int total = 0;
  if (next_position > SPAN) {
    static int sorted[100001]; int count = 0;
    for (int i = 0; i < models; i++) if (position[i]) sorted[count++] = i;
    qsort(sorted, count, sizeof *sorted, by_position);
    memset(tree, 0, sizeof tree);
    for (next_position = 1; next_position <= count; next_position++) {
      position[sorted[next_position - 1]] = next_position; mark(next_position, 1);
    }
  }
  uint32_t distance = UINT32_MAX;
  if (position[model]) { distance = total - marks(position[model]); mark(position[model], -1); } else total++;
  position[model] = next_position; mark(next_position++, 1);
  return distance;
}
static int pick(void) {
  double u = uniform() * cumulative[models - 1]; int low = 0, high = models - 1;
  while (low < high) { int middle = (low + high) / 2; if (cumulative[middle] < u) low = middle + 1; else high = middle; }
  return order[low];
}

static void dial(struct connection *c) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(c->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (c->fd >= 0) close(c->fd);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0) die("socket");
  for (int tries = 0; connect(c->fd, (struct sockaddr *)&address, sizeof address); tries++) {
    if (tries == 50) die("connect");
    usleep(20000);
  }
  int one = 1; setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl");
}
static void finish(struct connection *c, int status) {
  struct record r = {.latency = (now_ns() - c->due) / 1000, .model = c->model, .distance = c->distance, .status = status, .slice = c->slice};
  r.began = wall_us() - r.latency;
  fwrite(&r, sizeof r, 1, sink);
  c->busy = 0;
}
static void flush_out(struct connection *c) {
  while (c->out_done < c->out_length) {
    ssize_t n = send(c->fd, c->out + c->out_done, c->out_length - c->out_done, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) { struct pollfd p = {c->fd, POLLOUT, 0}; poll(&p, 1, 1000); continue; }
    if (n < 0) return;
    c->out_done += n;
  }
}
static void begin(struct connection *c, struct slice *s, int index, uint64_t due) {
  char name[96] = "";
  c->model = 0; c->distance = 0; c->expected = -1;
  if (s->target == 'f') {
    c->model = pick(); c->distance = touch(c->model); c->expected = c->model;
    snprintf(name, sizeof name, "X-Amzn-SageMaker-Target-Model: m%05u.onnx\r\n", c->model);
  }
  c->out_length = snprintf(c->out, sizeof c->out,
    "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nAccept: text/csv\r\n%sContent-Length: %zu\r\n\r\n", name, body_length);
  memcpy(c->out + c->out_length, body, body_length);
  c->out_length += body_length;
  c->out_done = c->in_length = c->want = 0; c->busy = 1; c->slice = index; c->due = due;
  sent++;
  flush_out(c);
}
// Whether the answer is complete.
static int receive(struct connection *c) {
  for (;;) {
    ssize_t n = recv(c->fd, c->in + c->in_length, sizeof c->in - 1 - c->in_length, 0);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n <= 0) { broken++; if (c->busy) finish(c, 0); dial(c); return 1; }
    c->in_length += n; c->in[c->in_length] = 0;
    if (!c->want) {
      char *end = strstr(c->in, "\r\n\r\n");
      if (!end) continue;
      char *length = strcasestr(c->in, "\r\ncontent-length:");
      c->want = end + 4 - c->in + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
    }
    if (c->in_length < c->want) continue;
    int status = atoi(c->in + 9);
    if (status == 200 && c->expected >= 0) {
      char *text = strstr(c->in, "\r\n\r\n") + 4;
      if (lrint(strtod(text, NULL)) != c->expected) status = 999;
    }
    int closes = !!strcasestr(c->in, "\r\nconnection: close");
    finish(c, status);
    if (closes) dial(c);
    return 1;
  }
}
int main(int argc, char **argv) {
  if (argc < 9) { fprintf(stderr, "usage: load OUT BODY-FILE SEED ZIPF MODELS CONNECTIONS CYCLES SLICE...\n"); return 64; }
  static char buffer[1 << 20];
  sink = fopen(argv[1], "wb"); if (!sink) die(argv[1]);
  setvbuf(sink, buffer, _IOFBF, sizeof buffer);
  FILE *file = fopen(argv[2], "rb"); if (!file) die(argv[2]);
  body = malloc(8192); body_length = fread(body, 1, 8192, file); fclose(file);
  random_state = strtoull(argv[3], NULL, 10) * 0x9E3779B97F4A7C15ull + 1;
  double power = atof(argv[4]); models = atoi(argv[5]); connection_count = atoi(argv[6]);
  int cycles = atoi(argv[7]);
  if (models < 1 || models > 100000) return 64;
  cumulative = malloc(models * sizeof *cumulative); order = malloc(models * sizeof *order);
  double sum = 0;
  for (int i = 0; i < models; i++) { cumulative[i] = sum += pow(i + 1, -power); order[i] = i; }
  // Which models are popular has nothing to do with their names and sizes.
  for (int i = models - 1; i > 0; i--) { int j = next_random() % (i + 1), t = order[i]; order[i] = order[j]; order[j] = t; }
  int slice_count = argc - 8;
  struct slice slices[64];
  struct connection *pool[64];
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < slice_count; i++) {
    if (i >= 64 || sscanf(argv[8 + i], "%c:%d:%lf:%lf", &slices[i].target, &slices[i].port, &slices[i].seconds, &slices[i].rate) != 4) return 64;
    pool[i] = NULL;
    for (int j = 0; j < i; j++) if (slices[j].port == slices[i].port) pool[i] = pool[j];
    if (pool[i]) continue;
    pool[i] = calloc(connection_count, sizeof **pool);
    for (int k = 0; k < connection_count; k++) { pool[i][k].fd = -1; pool[i][k].port = slices[i].port; dial(&pool[i][k]); }
  }
  int over = 0; uint64_t cpu = 0, lasted = 0; struct timespec used;
  for (int cycle = 0; !over && (cycles == 0 || cycle < cycles); cycle++) {
    for (int i = 0; i < slice_count && !over; i++) {
      struct slice *s = &slices[i];
      uint64_t start = now_ns(), end = start + s->seconds * 1e9, due = start;
      int busy = 0, turn = 0;
      for (;;) {
        uint64_t now = now_ns();
        while (now < end && busy < connection_count && (s->rate == 0 || due <= now)) {
          while (pool[i][turn % connection_count].busy) turn++;
          struct connection *c = &pool[i][turn++ % connection_count];
          begin(c, s, i, s->rate == 0 ? now_ns() : due);
          if (s->rate > 0) due += -log(1 - uniform()) / s->rate * 1e9;
          busy++; now = now_ns();
        }
        if (now >= end && busy == 0) break;
        if (now > end + 60000000000ull) { fprintf(stderr, "%d requests have no answer after 60 s\n", busy); exit(2); }
        struct timespec timeout = {0, 50000000};
        if (s->rate > 0 && busy < connection_count && now < end) {
          uint64_t pause = due > now ? due - now : 0;
          timeout.tv_sec = pause / 1000000000; timeout.tv_nsec = pause % 1000000000;
        }
        struct epoll_event events[256];
        int n = epoll_pwait2(epoll_fd, events, 256, &timeout, NULL);
        for (int e = 0; e < n; e++) {
          struct connection *c = events[e].data.ptr;
          int mine = c >= pool[i] && c < pool[i] + connection_count, was = c->busy;
          if (receive(c) && mine && was) busy--;
        }
      }
      lasted += now_ns() - start;
      struct pollfd p = {0, POLLIN, 0};
      if (cycles == 0 && poll(&p, 1, 0) > 0) over = 1;
    }
  }
  fclose(sink);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  cpu = used.tv_sec * 1000000000ull + used.tv_nsec;
  printf("%llu requests, %llu broken connections, client busy %.3f\n", (unsigned long long)sent, (unsigned long long)broken, (double)cpu / lasted);
  return 0;
}
