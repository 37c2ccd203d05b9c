# The program melmill in a small image, built from this checkout:
#
#   docker build -t melmill .
#   docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" melmill \
#     extract train.jsonl --out features/
#
# The working directory is /data. The program is linked with FFTW, so the image
# is under the GPL as a whole: read NOTICE before you pass it on.
FROM debian:12-slim AS build
COPY tools/dependencies /source/tools/
RUN /source/tools/dependencies build
COPY . /source
WORKDIR /source
RUN cmake --preset release \
  && cmake --build --preset release -- --quiet \
  && cmake --install build/release --prefix /usr/local --strip

FROM debian:12-slim
RUN apt-get update -qq \
  && apt-get install -y -qq --no-install-recommends libfftw3-double3 libflac12 \
  libfmt9 libhdf5-103-1 libhwy1 libmpg123-0 libsndfile1 libsoxr0 libtbb12 \
  libxxhash0 \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/melmill /usr/local/bin/melmill
COPY LICENSE NOTICE /usr/local/share/doc/melmill/
RUN useradd --create-home --uid 1000 melmill
USER melmill
WORKDIR /data
ENTRYPOINT ["melmill"]
CMD ["--help"]
